"""Helios: an e-commerce shop on Saleor's GraphQL API, visited by browsers, searchers, buyers and admins.

    locust -f locustfiles/helios/locustfile.py --host http://localhost:8000

Half of the visitors browse, a quarter search, a fifth buy, one in twenty looks after the shop. Beside this file are
others for reads and writes alone, and for patterns over time. 50 users, 5 more each second, 30 minutes, unless the
command line or one of the profiles in `locustfile.toml` says otherwise.

Tags: `read`, `write`; `browse`, `detail`; `search`, `filter`, `sort`; `cart`, `checkout`; `admin`, `product`.

Environment (all optional):

========================  =====================================================================================
TARGET_HOST               the host, where `--host` and LOCUST_HOST are not given; then http://localhost:8000
ADMIN_EMAIL, _PASSWORD    admin@example.com, admin123456: a member of the staff who may manage products
HELIOS_CHANNEL            default-channel: the slug of the channel to buy in
HELIOS_PAYMENT_GATEWAY    mirumee.payments.dummy: what pays; `none` where the channel allows unpaid orders
HELIOS_SEARCH_TERMS       what to search for, with commas; words from the names of products that were seen
========================  =====================================================================================
"""

from __future__ import annotations

import os
from pathlib import Path

from personas import Admin, Browser, Buyer, Searcher

__all__ = ["Admin", "Browser", "Buyer", "Searcher"]

# So that its [defaults] hold where no profile is named.
os.environ.setdefault("WIRESWARM_PROFILE_FILE", str(Path(__file__).with_suffix(".toml")))
