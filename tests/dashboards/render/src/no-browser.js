/** What @grafana/data asks a browser for; imported before it. */
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] };
globalThis.window ??= globalThis;
globalThis.location ??= new URL('http://localhost/');
