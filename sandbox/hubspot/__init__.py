"""The HubSpot half of the sandbox: one account, spoken to over HTTP or through Python.

`HubSpotAccount` (account.py) holds everything the vendor would hold; `build_app` (app.py) serves
it as FACTS sections 1, 2 and 6 describe. Nothing here knows the product or its connectors.
"""

from sandbox.hubspot.account import HubSpotAccount
from sandbox.hubspot.app import build_app

__all__ = ["HubSpotAccount", "build_app"]
