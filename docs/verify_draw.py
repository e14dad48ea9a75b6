"""Check a draw of lct without lct: python3 verify_draw.py draw.json

The file is "Download it all as a file" on the tournament's page "Check the draw".
Standard library only; the protocol is described in draw.md.
"""

import hashlib
import hmac
import json
import sys

with open(sys.argv[1], "rb") as file:
    facts = json.load(file)
sealed = f"lct draw v1|{facts['code']}|{facts['secret']}".encode()
picks = [[pick["player_id"], pick["team"], pick["value"]] for pick in facts["picks"]]
body = {"attempt": facts["attempt"], "picks": picks}
text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def words():
    counter = 0
    while True:
        block = hmac.digest(
            bytes.fromhex(facts["secret"]), text + counter.to_bytes(8, "big"), "sha256"
        )
        yield from (int.from_bytes(block[i : i + 4], "big") for i in range(0, 32, 4))
        counter += 1


def shuffled(teams, stream):
    for i in range(len(teams) - 1, 0, -1):
        n = i + 1
        j = next(word for word in stream if word < 2**32 // n * n) % n
        teams[i], teams[j] = teams[j], teams[i]
    return teams


own, stream = [team for _, team, _ in picks], words()
given = shuffled(list(own), stream)
while facts["option"] == "not-own" and any(a == b for a, b in zip(own, given)):  # noqa: B905
    given = shuffled(list(own), stream)
fair = hashlib.sha256(sealed).hexdigest() == facts["seal"] and given == facts["given"]
print("The draw holds." if fair else "The draw does NOT hold.")
sys.exit(0 if fair else 1)
