"""`python -m sandbox`: start the two vendors on loopback and stay until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, serve until SIGTERM or SIGINT; returns the exit code.

    0 after a clean stop, 2 on bad usage, 6 when a port is taken.
    """
    asked = _parser().parse_args(arguments)
    from sandbox.server import SandboxOptions, serve

    options = SandboxOptions(
        directory=asked.dir,
        world=None if asked.empty else asked.world,
        people=asked.people,
        crm_records=asked.crm_records,
        seed=asked.seed,
        hubspot_port=asked.hubspot_port,
        salesforce_port=asked.salesforce_port,
        admin_port=asked.admin_port,
        proxy_port=asked.proxy_port,
    )
    try:
        asyncio.run(serve(options, announce=_as_json if asked.json else _as_text))
    except (OSError, ValueError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 6 if isinstance(error, OSError) else 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="HubSpot and Salesforce on loopback, with people and faults on demand.",
    )
    parser.add_argument("--dir", type=Path, required=True, help="where ca.pem goes")
    content = parser.add_mutually_exclusive_group()
    content.add_argument("--empty", action="store_true", help="start without people")
    content.add_argument(
        "--world", choices=("generated", "febrl4"), default="generated", help="people to load"
    )
    parser.add_argument("--people", type=int, default=2000, help="contacts in HubSpot")
    parser.add_argument("--crm-records", type=int, help="records in Salesforce (default: as many)")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same world")
    parser.add_argument("--hubspot-port", type=int, default=0)
    parser.add_argument("--salesforce-port", type=int, default=0)
    parser.add_argument("--admin-port", type=int, default=0)
    parser.add_argument(
        "--proxy-port", type=int, help="open an HTTPS proxy for the vendors' host names (0: any)"
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout")
    return parser


def _as_json(info: dict[str, Any]) -> None:
    print(json.dumps(info), flush=True)


def _as_text(info: dict[str, Any]) -> None:
    hubspot, salesforce = info["hubspot"], info["salesforce"]
    lines = [
        f"HubSpot     {hubspot['url']}  portal {hubspot['portal_id']}",
        f"            token {hubspot['token']}",
        f"Salesforce  {salesforce['login_url']}  (trust {salesforce['ca_file']})",
        f"            client id {salesforce['client_id']}",
        f"            client secret {salesforce['client_secret']}",
        f"Admin       {info['admin_url']}",
        *([f"Proxy       {info['proxy_url']}"] if info["proxy_url"] else []),
        "Stop it with Ctrl-C.",
    ]
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
