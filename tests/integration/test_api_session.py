"""The session of whoever calls: the page signs in and out with it."""

from __future__ import annotations

from tests.integration.api_client import Api


def test_a_session_says_whose_it_is_and_until_when(api: Api) -> None:
    opened = api.of_platform().post("/v1/portal-sessions", {"account_id": "acme"}).json
    expected = {
        "account_id": "acme",
        "role": "account",
        "key_id": opened["token"].split(".")[0],
        "expires_at": opened["expires_at"],
    }
    shown = Api(opened["token"]).get("/v1/session")
    assert (shown.status, shown.json) == (200, expected)


def test_keys_that_do_not_expire_say_so(api: Api) -> None:
    for caller, account_id, role in (
        (api.of_account("acme"), "acme", "account"),
        (api.of_platform(), None, "platform"),
    ):
        key_id = str(caller.token).split(".")[0]
        expected = {"account_id": account_id, "role": role, "key_id": key_id, "expires_at": None}
        assert caller.get("/v1/session").json == expected


def test_the_end_of_a_session_is_the_end_of_its_key(api: Api) -> None:
    platform = api.of_platform()
    token = platform.post("/v1/portal-sessions", {"account_id": "acme"}).json["token"]
    other = Api(platform.post("/v1/portal-sessions", {"account_id": "acme"}).json["token"])
    ended = Api(token).call("DELETE", "/v1/session")
    assert (ended.status, ended.text) == (204, "")
    assert Api(token).get("/v1/webhooks").status == 401
    assert Api(token).call("DELETE", "/v1/session").status == 401
    assert other.get("/v1/webhooks").status == 200
    listed = platform.get("/v1/api-keys", account_id="acme").json["data"]
    assert [key["id"] for key in listed] == [str(other.token).split(".")[0]]


def test_a_key_that_does_not_expire_is_not_revoked_by_signing_out(api: Api) -> None:
    for caller in (api.of_account("acme"), api.of_platform()):
        refused = caller.call("DELETE", "/v1/session")
        assert (refused.status, "does not expire" in refused.json["detail"]) == (409, True)
        assert caller.get("/v1/session").status == 200
