"""Settings come from the environment, and a bad one is refused in one sentence."""

from pathlib import Path

import pytest

from lct import places
from lct.config import Settings, SettingsError, environ_of
from lct.places import ROOT

REQUIRED = {
    "LCT_MONGO_URI": "mongodb://user:hidden-1@db/",
    "LCT_REDIS_URL": "redis://:hidden-2@bus/0",
    "LCT_SECRET_KEY": "hidden-3-hidden-3-hidden-3",
}


def test_only_three_variables_are_required():
    settings = Settings.from_env(REQUIRED)
    assert settings.mongo_uri == "mongodb://user:hidden-1@db/"
    assert (settings.database, settings.port, settings.workers) == ("lct", 8000, 2)
    assert settings.public_url is None
    assert settings.var == ROOT / "var"


@pytest.mark.parametrize("variable", REQUIRED)
def test_a_missing_variable_is_named(variable):
    with pytest.raises(SettingsError, match=f"{variable} is not set"):
        Settings.from_env({**REQUIRED, variable: ""})


def test_an_empty_variable_means_the_default():
    assert Settings.from_env({**REQUIRED, "LCT_PORT": " ", "LCT_PUBLIC_URL": ""}).port == 8000


@pytest.mark.parametrize(
    ("variable", "value", "field", "meant"),
    [
        ("LCT_MONGO_DB", "cup", "database", "cup"),
        ("LCT_PUBLIC_URL", "https://cup.example/", "public_url", "https://cup.example"),
        ("LCT_PUBLIC_URL", "https://a.example/fifa/", "public_url", "https://a.example/fifa"),
        ("LCT_PUBLIC_URL", "https://a.example/fifa/", "prefix", "/fifa"),
        ("LCT_PUBLIC_URL", "https://a.example:8443", "prefix", ""),
        ("LCT_ALLOWED_HOSTS", "a.example, .b.example", "hosts", ("a.example", ".b.example")),
        ("LCT_TRUSTED_PROXIES", "2", "trusted_proxies", 2),
        ("LCT_SECURE_COOKIES", "Yes", "secure_cookies", True),
        ("LCT_SECURE_COOKIES", "off", "secure_cookies", False),
        ("LCT_DRAIN_SECONDS", "2.5", "drain_seconds", 2.5),
        ("LCT_REVISION", "new", "revision", "new"),
        ("LCT_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("LCT_HOST", "::", "host", "::"),
        ("LCT_VAR", "/srv/lct", "var", Path("/srv/lct")),
        ("LCT_ENVIRONMENT", "production", "environment", "production"),
        ("LCT_API_ORIGINS", "https://a.example", "api_origins", "https://a.example"),
        ("LCT_METRICS_TOKEN", "hidden-4-hidden-4", "metrics_token", "hidden-4-hidden-4"),
        ("LCT_CREATE_PASSPHRASE", " hidden six ", "create_passphrase", "hidden six"),
        ("LCT_OTLP_ENDPOINT", "http://otel:4318/", "otlp_endpoint", "http://otel:4318"),
    ],
)
def test_a_variable_sets_its_field(variable, value, field, meant):
    assert getattr(Settings.from_env({**REQUIRED, variable: value}), field) == meant


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("LCT_PORT", "http", "LCT_PORT must be a whole number, not 'http'."),
        ("LCT_PORT", "65536", "LCT_PORT must be 0 to 65535, not '65536'."),
        ("LCT_WORKERS", "0", "LCT_WORKERS must be at least 1, not '0'."),
        (
            "LCT_DRAIN_SECONDS",
            "nan",
            "LCT_DRAIN_SECONDS must be a number of seconds, 0 or more, not 'nan'.",
        ),
        ("LCT_REVISION", 65 * "a", "LCT_REVISION must have at most 64 characters"),
        ("LCT_DRAIN_SECONDS", "inf", "must be a number of seconds, 0 or more, not 'inf'."),
        ("LCT_SECURE_COOKIES", "maybe", "LCT_SECURE_COOKIES must be true or false, not 'maybe'."),
        ("LCT_PUBLIC_URL", "cup.example", "must start with http:// or https://"),
        ("LCT_PUBLIC_URL", "https://a.example/t", "must be an address such as https://cup.example"),
        ("LCT_PUBLIC_URL", "https://a.example/x?y", "must be an address such as"),
        ("LCT_ALLOWED_HOSTS", "https://a.example", "LCT_ALLOWED_HOSTS must be names such as"),
        ("LCT_ALLOWED_HOSTS", "a.example,*", "LCT_ALLOWED_HOSTS must be names such as"),
        ("LCT_OTLP_ENDPOINT", "otel:4318", "must start with http:// or https://"),
        ("LCT_LOG_LEVEL", "loud", "LCT_LOG_LEVEL must be one of DEBUG, INFO"),
        ("LCT_SECRET_KEY", "short", "LCT_SECRET_KEY must have at least 16 characters."),
        ("LCT_SECRET_KEY_FALLBACKS", f"{'x' * 16},short", "_FALLBACKS must have at least 16"),
        ("LCT_API_ORIGINS", "*", "LCT_API_ORIGINS must be origins such as https://app.example"),
        ("LCT_API_ORIGINS", "https://a.example/", "LCT_API_ORIGINS must be origins"),
        (
            "LCT_CREATE_PASSPHRASE",
            "pass",
            "LCT_CREATE_PASSPHRASE must have at least 8 characters.",
        ),
        ("LCT_METRICS_TOKEN", "short", "LCT_METRICS_TOKEN must have at least 16 characters."),
    ],
)
def test_a_bad_value_is_refused_in_one_sentence(variable, value, complaint):
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**REQUIRED, variable: value})
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_error_or_repr_shows_a_password():
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({**REQUIRED, "LCT_MONGO_URI": "postgres://user:hidden-1@db/"})
    assert "hidden" not in str(refused.value)
    more = {"LCT_METRICS_TOKEN": "hidden-4-hidden-4", "LCT_OTLP_ENDPOINT": "http://a:hidden-5@b"}
    more["LCT_CREATE_PASSPHRASE"] = "hidden-6-hidden-6"
    given = Settings.from_env({**REQUIRED, **more})
    assert "hidden" not in repr(given)


def test_the_signing_key_is_the_first_of_the_accepted_keys():
    given = {**REQUIRED, "LCT_SECRET_KEY_FALLBACKS": "hidden-6-hidden-6, hidden-7-hidden-7"}
    keys = ("hidden-3-hidden-3-hidden-3", "hidden-6-hidden-6", "hidden-7-hidden-7")
    assert Settings.from_env(given).secret_keys == keys
    assert Settings.from_env(REQUIRED).secret_keys == keys[:1]
    assert "hidden" not in repr(Settings.from_env(given))


def test_settings_can_be_handed_to_a_child_process():
    given = Settings.from_env({**REQUIRED, "LCT_SECURE_COOKIES": "1", "LCT_DRAIN_SECONDS": "0.5"})
    assert Settings.from_env(environ_of(given)) == given


@pytest.mark.parametrize(
    ("system", "given", "folder"),
    [
        ("linux", {"HOME": "/home/ola"}, "/home/ola/.local/share/lct"),
        ("linux", {"HOME": "/home/ola", "XDG_DATA_HOME": "/data"}, "/data/lct"),
        ("darwin", {"HOME": "/Users/ola"}, "/Users/ola/Library/Application Support/lct"),
    ],
)
def test_an_installed_lct_keeps_its_data_with_the_users_other_data(
    monkeypatch, system, given, folder
):
    monkeypatch.setattr(places, "INSTALLED", True)
    monkeypatch.setattr("sys.platform", system)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert Settings.from_env(REQUIRED).var == Path(folder)


def test_a_user_without_a_home_has_the_data_in_the_working_directory(monkeypatch):
    monkeypatch.setattr(places, "INSTALLED", True)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert Settings.from_env(REQUIRED).var == Path("var")
