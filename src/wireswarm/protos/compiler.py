"""placeholder."""
def generate(a,b): pass
