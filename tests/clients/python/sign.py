"""Delivers a webhook, signed by the real `stripe` or `standardwebhooks`, unmodified, for the Rust tests.

    python sign.py LIBRARY URL SECRET SECONDS < BODY

SECONDS is when it is signed, since 1970. Prints the status and the body of the answer as one line of JSON.
"""

import json
import sys
from datetime import datetime, timezone

import requests
from standardwebhooks import Webhook
from stripe import WebhookSignature


def stripe(secret, at, body):
    made = WebhookSignature._compute_signature(f"{at}.{body}", secret)
    return {"Stripe-Signature": f"t={at},v1={made}"}


def standard(secret, at, body):
    made = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, timezone.utc), body)
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": made}


if __name__ == "__main__":
    library, url, secret, at = sys.argv[1:]
    body = sys.stdin.read()
    headers = {"stripe": stripe, "standard": standard}[library](secret, int(at), body)
    answer = requests.post(url, data=body.encode(), headers=headers, timeout=30)
    print(json.dumps({"status": answer.status_code, "body": answer.json()}))
