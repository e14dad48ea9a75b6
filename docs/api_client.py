"""An evening over the API: open, join, pick, draw. Give it the address of lct."""

import json
import sys
import urllib.request


def call(method, path, token="", **body):
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = json.dumps(body).encode() if method == "POST" else None
    request = urllib.request.Request(sys.argv[1] + path, data, headers, method=method)
    return json.load(urllib.request.urlopen(request))


cup = call("POST", "/api/v1/tournaments", name=sys.argv[2], limit=3)
at, host = f"/api/v1/tournaments/{cup['code']}", cup["organiser_key"]
for team, name in enumerate(("Ola", "Max", "Zoe")):
    player = call("POST", f"{at}/players", first=name, last="Nowak")
    call("POST", f"{at}/players/{player['player_id']}/team", player["token"], team=team)
call("POST", f"{at}/draw", host, attempt=1)
call("POST", f"{at}/skip", host)
for card in call("GET", f"{at}/draw"):
    print(card["player"], "plays", card["team"])
