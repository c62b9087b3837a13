"""The Helios personas of the image, with the weights and waits that they have there. Make it your own."""

from personas import Admin, Browser, Buyer, Searcher

__all__ = ["Admin", "Browser", "Buyer", "Searcher"]
