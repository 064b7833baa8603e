class Progress: pass
def read(files, progress=None):
    return []
