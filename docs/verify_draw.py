"""Check a draw of lct without lct: python3 verify_draw.py draw.json

The file is "Download it all as a file" on the tournament's page "Check the draw".
Standard library only; the protocol is described in draw.md.
"""

import hashlib
import hmac
import json
import sys


def as_json(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def require(condition):
    if not condition:
        raise ValueError


def is_hex(text):
    return type(text) is str and len(text) == 64 and set(text) <= set("0123456789abcdef")


def message_v1(facts, picks):
    return as_json({"attempt": facts["attempt"], "picks": picks})


def message_v2(facts, picks):
    code, number, roll = facts["code"], facts["number"], facts["roll"]
    require(type(facts["shares"]) is list)
    shares = [[share["player_id"], share["share"]] for share in facts["shares"]]
    pledges, senders = {player: pledge for player, _, pledge in picks}, dict(shares)
    # In the order of the picks, at most one for each player, and nobody else's.
    require([player for player, _ in shares] == [player for player in pledges if player in senders])
    missing = [player for player in pledges if player not in senders]
    require([each["player_id"] for each in facts["missing"]] == missing)
    for player, share in shares:
        require(is_hex(share))
        require(pledges[player] == sha256(f"lct share v2|{code}|{player}|{share}"))
    require(all(pledge == "" or is_hex(pledge) for pledge in pledges.values()))
    fixed = {key: facts[key] for key in ("attempt", "code", "option", "protocol", "roll", "seal")}
    picks_fingerprint = sha256(as_json(dict(fixed, picks=picks)))
    require(facts["picks_fingerprint"] == picks_fingerprint)
    shares_fingerprint = sha256(as_json({"picks": picks_fingerprint, "shares": shares}))
    require(facts["shares_fingerprint"] == shares_fingerprint)
    require(type(number) is str and type(roll) is bool and (roll or number == ""))
    return as_json({"number": number, "shares": shares_fingerprint})


def numbers(key, message):
    counter = 0
    while True:
        block = hmac.digest(key, message + counter.to_bytes(8, "big"), "sha256")
        yield from (int.from_bytes(block[i : i + 4], "big") for i in range(0, 32, 4))
        counter += 1


def shuffled(teams, stream):
    teams = list(teams)
    for i in range(len(teams) - 1, 0, -1):
        n = i + 1
        j = next(number for number in stream if number < 2**32 - 2**32 % n) % n
        teams[i], teams[j] = teams[j], teams[i]
    return teams


def check(facts):
    """Raise an error unless the draw holds."""
    protocol, code, secret, option = (facts[k] for k in ("protocol", "code", "secret", "option"))
    require(protocol in ("lct draw v1", "lct draw v2"))
    v1 = protocol == "lct draw v1"
    last = "value" if v1 else "pledge"
    picks = [[pick["player_id"], pick["team"], pick[last]] for pick in facts["picks"]]
    players, teams, _ = zip(*picks)  # noqa: B905
    require(all(type(text) is str for pick in [[code], *picks] for text in pick))
    require(len(set(players)) == len(set(teams)) == len(picks))
    require(type(facts["attempt"]) is int and facts["attempt"] > 0)
    require(option == "plain" or (option == "not-own" and len(picks) > 1))
    require(is_hex(secret) and facts["seal"] == sha256(f"{protocol}|{code}|{secret}"))
    message = (message_v1 if v1 else message_v2)(facts, picks)
    stream = numbers(bytes.fromhex(secret), message.encode())
    given = shuffled(teams, stream)
    while option == "not-own" and any(a == b for a, b in zip(teams, given)):  # noqa: B905
        given = shuffled(teams, stream)
    require(facts["given"] == given)


if len(sys.argv) != 2:
    sys.exit(__doc__)
try:
    with open(sys.argv[1], "rb") as file:
        check(json.load(file))
except OSError as error:
    sys.exit(f"Cannot read the file: {error}")
except (LookupError, TypeError, ValueError, RecursionError):
    print("The draw does NOT hold.")
    sys.exit(1)
print("The draw holds.")
