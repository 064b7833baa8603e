"""Our dashboards as one page that needs no Grafana: the same JSON, drawn in Python.

What a panel shows is meant to be what Grafana 13 shows; how it looks is only akin to it.
"""
