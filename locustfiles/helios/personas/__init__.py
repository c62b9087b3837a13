"""Who comes to the shop."""

from personas.admin import Admin
from personas.browser import Browser
from personas.buyer import Buyer
from personas.searcher import Searcher

__all__ = ["Admin", "Browser", "Buyer", "Searcher"]
