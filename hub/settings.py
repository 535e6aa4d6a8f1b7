"""Every setting of the site, all from the environment.

With no URL set the hub talks to the engines that `manage.py up` carries, found by the data folder alone,
so that a management command reaches the running instance of the same GROVE_DATA.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from hub.core.blobs.configuration import S3Settings
from hub.embedded import engines_of
from hub.environment import Environment
from hub.kept_secrets import kept_secret
from workers.contracts import LOG_FORMAT

env = Environment()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("GROVE_DATA", default=str(BASE_DIR / "data"))).absolute()
ENGINES = engines_of(DATA_DIR)


# Without a key of the operator's, the one that the data folder keeps.
SECRET_KEY = env.str("GROVE_SECRET_KEY", default="") or kept_secret(DATA_DIR / "secret_key")
# Earlier ones. What they signed is good, and what they encrypted is read, as long as they stand here.
SECRET_KEY_FALLBACKS = [key.strip() for key in env.list("GROVE_SECRET_KEY_FALLBACKS", default=[]) if key.strip()]
DEBUG = env.bool("GROVE_DEBUG", default=False)

# --- where the hub is reached ---------------------------------------------------------------------------------
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
# The address that people and tools use. Unset, links carry the (validated) host of the request that asked.
PUBLIC_URL = env.str("GROVE_PUBLIC_URL", default="").rstrip("/")
ALLOWED_HOSTS = env.list("GROVE_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
if PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(PUBLIC_URL).hostname or "")
    CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
if HOST in ("0.0.0.0", "::") and not PUBLIC_URL and "GROVE_ALLOWED_HOSTS" not in env.ENVIRON:  # noqa: S104
    # Listening on every interface without a name: whoever can reach the port may use any name for it.
    ALLOWED_HOSTS = ["*"]
elif HOST not in ALLOWED_HOSTS:
    ALLOWED_HOSTS.append(HOST)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PUBLIC_URL.startswith("https:") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https:")

# --- who may come in ------------------------------------------------------------------------------------------
# Opens /metrics, as a bearer token; without one there is no such address. And the folder in which the processes of one server
# share what they count.
METRICS_TOKEN = env.str("GROVE_METRICS_TOKEN", default="")
METRICS_DIR = Path(env.str("GROVE_METRICS_DIR", default=str(DATA_DIR / "metrics")))
SIGNUP = env.choice("GROVE_SIGNUP", "open", "invite", "closed")
EMAIL_VERIFICATION = env.choice("GROVE_EMAIL_VERIFICATION", "none", "optional", "mandatory")
ANONYMOUS_READ = env.bool("GROVE_ANONYMOUS_READ", default=True)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "django_cotton",
    "rest_framework",
    "hub.embedded",
    "hub.core",
    "hub.accounts",
    "hub.repos",
    "hub.jobs",
    "hub.inference",
    "hub.community",
    "hub.evaluations",
    "hub.moderation",
    "hub.catalog",
    "hub.web",
    "hub.api",
    "hub.samples",
]

MIDDLEWARE = [
    "hub.core.middleware.request_id",
    "hub.core.metrics.measure",
    "hub.core.health.answer_health",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "hub.core.middleware.security_headers",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "hub.api.limits.limit",
    "hub.web.middleware.sessions_seen",
    "hub.web.middleware.anonymous_reading",
    "hub.web.middleware.hub_errors",
]

ROOT_URLCONF = "hub.urls"
WSGI_APPLICATION = "hub.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hub.web.context.site",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static", "hub.web.templatetags.grove"],
        },
    }
]

# --- engines --------------------------------------------------------------------------------------------------
if "DATABASE_URL" in env.ENVIRON:
    _database = env.db("DATABASE_URL")
else:
    _database = {"ENGINE": "django.db.backends.postgresql", **ENGINES.database}
# A server that does not answer is away, not slow.
_options = {"connect_timeout": 5, **_database.get("OPTIONS", {})}  # seconds
DATABASES = {"default": {**_database, "OPTIONS": _options, "CONN_HEALTH_CHECKS": True}}
# How many connections a process of many threads shares. A thread that kept one for itself would hold a session's memory
# for as long as the process lives; from the pool those that a burst has opened close again. Without a pool (commands,
# the hub worker) a connection persists.
if _pooled := env.int("GROVE_DATABASE_POOL", default=0):
    _options["pool"] = {"min_size": 1, "max_size": _pooled, "max_idle": 30, "timeout": 10}  # seconds
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 300
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def redis_url(db: int) -> str:
    """Return the URL of database `db`. 0 holds the hub's queues, cache and limits; 1 is kept for worker queues."""
    if given := env.str("REDIS_URL", default=""):
        return f"{given.rstrip('/')}/{db}"
    return ENGINES.redis_url(db)


WORKER_REDIS_URL = redis_url(1)
WORKER_BROKER_URL = WORKER_REDIS_URL if "REDIS_URL" in env.ENVIRON else ENGINES.broker_url(1)

# --- where large content lies: files below the data folder, or an S3-compatible store ---------------------------
S3: S3Settings | None = None
if _endpoint := env.str("S3_ENDPOINT", default=""):
    S3 = S3Settings(
        endpoint=_endpoint,
        # The address under which people and tools reach the same store. Without one, all content passes through the hub.
        public_endpoint=env.str("S3_PUBLIC_ENDPOINT", default=""),
        bucket=env.str("S3_BUCKET", default="grove"),
        region=env.str("S3_REGION", default="us-east-1"),
        access_key=env.str("S3_ACCESS_KEY"),
        secret_key=env.str("S3_SECRET_KEY"),
    )

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis_url(0),
        "KEY_PREFIX": "cache",
        # Never pickle: whoever can write to the cache must not run code in the site.
        "OPTIONS": {"serializer": "hub.core.cache.JSONSerializer"},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

CELERY_BROKER_URL = redis_url(0) if "REDIS_URL" in env.ENVIRON else ENGINES.broker_url(0)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    # kombu looks for lost messages only at every tenth tick unless told otherwise.
    "unacked_restore_throttle": 1,
    # Whoever queues a task does not wait for a broker that is away: sweeps find what was not queued.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "hub"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 900
CELERY_TASK_SOFT_TIME_LIMIT = 840

# --- accounts -------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
ACCOUNT_ADAPTER = "hub.accounts.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = EMAIL_VERIFICATION
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# A word by mail about each change of what opens an account.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_USERNAME_VALIDATORS = "hub.accounts.names.USERNAME_VALIDATORS"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
# Whoever decides where password links go has just proven who they are: not a stranger at the keyboard.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

# The second factor: codes of an app, passkeys, and codes on paper for the day they are lost. The address of an account need not
# be confirmed for it: where that matters, GROVE_EMAIL_VERIFICATION lets nobody in before. A passkey may also do without the
# password; it then has to make sure of its owner itself (hub/accounts/passkeys.py), while beside the password a touch will do.
MFA_ADAPTER = "hub.accounts.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_USER_VERIFICATION = "preferred"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1  # codes before and after the present one, for clocks that are not exact
# Nobody guesses what a passkey signs. Each log-in asks twice, and many people may share an address.
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
MFA_FORMS = {
    "authenticate": "hub.web.forms.security.SecondFactorForm",
    "reauthenticate": "hub.web.forms.security.ConfirmByCodeForm",
    "activate_totp": "hub.web.forms.security.ActivateForm",
    "deactivate_totp": "hub.web.forms.security.RemoveAppForm",
    "add_webauthn": "hub.web.forms.passkeys.AddPasskeyForm",
    "edit_webauthn": "hub.web.forms.passkeys.RenamePasskeyForm",
    "authenticate_webauthn": "hub.web.forms.passkeys.SecondFactorByPasskeyForm",
    "reauthenticate_webauthn": "hub.web.forms.passkeys.ConfirmByPasskeyForm",
    "login_webauthn": "hub.web.forms.passkeys.PasskeyLoginForm",
}

# Signing in by another provider of OpenID Connect. Without an issuer there is none.
OIDC_ISSUER = env.str("GROVE_OIDC_ISSUER", default="").rstrip("/")
OIDC_NAME = env.str("GROVE_OIDC_NAME", default="OpenID")
# Whoever the provider knows gets an account: as GROVE_SIGNUP has it for everybody, always (on), or never (off).
OIDC_SIGNUP = env.choice("GROVE_OIDC_SIGNUP", "same", "on", "off")
# Whether an address that the provider calls confirmed counts as confirmed here, and opens the account that has it.
OIDC_TRUST_EMAIL = env.bool("GROVE_OIDC_TRUST_EMAIL", default=False)
# Nobody but administrators logs in by a password.
OIDC_ONLY = bool(OIDC_ISSUER) and env.bool("GROVE_OIDC_ONLY", default=False)
SOCIALACCOUNT_ADAPTER = "hub.accounts.single_sign_on.SingleSignOnAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True
SOCIALACCOUNT_FORMS = {"signup": "hub.web.forms.security.SingleSignOnSignupForm"}
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["sso"] = {
        "APPS": [
            {
                # Accounts there are known by the issuer and their number: another issuer's number 7 is somebody else.
                "provider_id": OIDC_ISSUER,
                "name": OIDC_NAME,
                "client_id": env.str("GROVE_OIDC_CLIENT_ID"),
                "secret": env.str("GROVE_OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
            }
        ]
    }

# Under which id `hf auth login` asks to be let in; empty, nobody logs in that way. The command line has this one built in.
TOOL_CLIENT_ID = env.str("GROVE_TOOL_CLIENT_ID", default="26be6b09-91c5-47da-9861-d2d2bb7a7e36")
# The RSA key, as PEM, that id tokens are signed with. Without one of the operator's, the data folder keeps one.
OIDC_KEY = env.str("GROVE_OIDC_KEY", default="", multiline=True)

EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 20  # seconds
DEFAULT_FROM_EMAIL = env.str("GROVE_MAIL_FROM", default="Grove <grove@localhost>")

# --- language, time, static files -----------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "hub" / "locale"]
# What Django has no Chinese notation for, as that is written here.
FORMAT_MODULE_PATH = "hub.core.formats"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# An image brings them along.
STATIC_ROOT = Path(env.str("GROVE_STATIC", default=str(DATA_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- requests -------------------------------------------------------------------------------------------------
# Uploads and commits stream; what Django itself may read into memory stays small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "hub.web.pages.errors.csrf_failure"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["hub.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "hub.api.negotiation.AlwaysJSON",
    "EXCEPTION_HANDLER": "hub.api.errors.answer",
    "DEFAULT_SCHEMA_CLASS": "hub.api.v1.schema.OperationSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Grove",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    # Operations stand in the order of their addresses; enumerations stand where they are used.
    "SORT_OPERATIONS": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["hub.api.v1.schema.refuse_unknown_fields"],
    # What a request may hold and what an answer holds differ: a default is for requests, and answers have every field.
    "COMPONENT_SPLIT_REQUEST": True,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "hub.core.request_ids.RequestIdFilter"}},
    "formatters": {"line": {"format": LOG_FORMAT}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]},
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        **{name: {"level": "WARNING"} for name in ("authlib", "celery", "django", "fido2", "kombu")},
        "django.request": {"level": "ERROR"},
    },
}

# --- limits of what people send (each is stated in the error that it raises) ---------------------------------------
MAX_REGULAR_FILE = 10 * 1024 * 1024  # bytes; larger files are stored outside git
MAX_LFS_FILE = env.int("GROVE_MAX_FILE_SIZE", default=5 * 1024**4)  # bytes
# Bytes of each part in which tools send larger files, where they can.
LFS_PART_SIZE = env.int("GROVE_LFS_PART_SIZE", default=512 * 1024 * 1024)
# Whose stored chunks spare an uploader sending theirs: those of all files that they may read, of the same repository, or none.
XET_DEDUP = env.choice("GROVE_XET_DEDUP", "readable", "repository", "off")
# Counted up, it has every client forget what it believes to be stored here.
XET_GENERATION = env.int("GROVE_XET_GENERATION", default=0)
# Files from so many bytes to so many that came whole are cut into chunks in the background, so that later versions of them are
# stored as what changed; and the hours that their whole form stays then (-1: for ever).
CHUNK_FROM = env.int("GROVE_CHUNK_FROM", default=1024 * 1024)
CHUNK_UP_TO = env.int("GROVE_CHUNK_UP_TO", default=1024**4)
KEEP_WHOLE_HOURS = env.int("GROVE_KEEP_WHOLE_HOURS", default=24)
# Bytes of the disk that uploads leave alone: a database that cannot write stops the whole hub.
KEEP_FREE_BYTES = env.int("GROVE_KEEP_FREE", default=256 * 1024 * 1024)
# All stored content is read again, and compared with its name, within so many days (0: never), at most so many bytes a second
# (0: as fast as it goes).
SCRUB_DAYS = env.int("GROVE_SCRUB_DAYS", default=30)
SCRUB_RATE = env.int("GROVE_SCRUB_RATE", default=50 * 1024 * 1024)
# Days for which large content is kept that nothing needs any more.
BLOB_GRACE_DAYS = env.int("GROVE_GRACE_DAYS", default=7)
# Bytes that the repositories of one user, and of one organization, may hold; 0 sets no limit.
QUOTA_USER = env.int("GROVE_QUOTA_USER", default=0)
QUOTA_ORGANIZATION = env.int("GROVE_QUOTA_ORGANIZATION", default=0)
# Days for which an account that signed up without an invitation says and does less than others (hub/community/limits.py);
# 0: nobody is held to that.
NEW_ACCOUNT_DAYS = env.int("GROVE_NEW_ACCOUNT_DAYS", default=3)
# Networks to which webhooks may be sent although they are not everybody's: CIDRs, such as those of receivers beside the hub.
WEBHOOK_ALLOW = env.networks("GROVE_WEBHOOK_ALLOW")
# The hour of the day (UTC) from which on daily mails go out.
DIGEST_HOUR = env.int("GROVE_DIGEST_HOUR", default=7)
POSTS_PER_MINUTE = env.int("GROVE_POSTS_PER_MINUTE", default=30)  # discussions, comments and edits of one person
# Requests in five minutes: of one account, and from one address without an account. 0 sets no limit.
RATE_LIMITS = {
    "api": (env.int("GROVE_RATE_API", default=10_000), env.int("GROVE_RATE_ANONYMOUS_API", default=5_000)),
    "resolvers": (
        env.int("GROVE_RATE_RESOLVERS", default=60_000),
        env.int("GROVE_RATE_ANONYMOUS_RESOLVERS", default=30_000),
    ),
    "pages": (env.int("GROVE_RATE_PAGES", default=5_000), env.int("GROVE_RATE_ANONYMOUS_PAGES", default=3_000)),
}
MAX_COMMIT_OPERATIONS = 25_000
MAX_COMMIT_FOLDERS = 50_000  # that the paths of one commit lead through
MAX_COMMIT_BYTES = 256 * 1024 * 1024  # bytes of one commit request

# --- git ----------------------------------------------------------------------------------------------------------
GIT_CACHE_BYTES = env.int("GROVE_GIT_CACHE_BYTES", default=10 * 1024**3)  # of this machine's disk, for serving fetches
# Fetches and pushes at once, of one account or address and of all together, in each web process.
GIT_CONCURRENCY = env.int("GROVE_GIT_CONCURRENCY", default=8)
GIT_PROCESSES = env.int("GROVE_GIT_PROCESSES", default=16)
GIT_SECONDS = env.int("GROVE_GIT_SECONDS", default=3600)  # that one fetch or push may take, with what it sends
MAX_PUSH_BYTES = 512 * 1024 * 1024  # bytes of one push as it is sent
MAX_PUSH_OBJECTS = 200_000
MAX_PUSH_INFLATED = 1024 * 1024 * 1024  # bytes of all objects of one push
MAX_TREE_FILES = 200_000  # files of one version

# --- demos ------------------------------------------------------------------------------------------------------
# Who may run a demo of a model that they may read: everybody, people with an account, or nobody.
DEMOS = env.choice("GROVE_DEMOS", "open", "users", "off")
DEMO_CONCURRENCY = env.int("GROVE_DEMO_CONCURRENCY", default=32)  # requests at once of one account
DEMO_VISITOR_CONCURRENCY = env.int("GROVE_DEMO_VISITOR_CONCURRENCY", default=2)  # and of one address without an account
DEMO_QUEUE = env.int("GROVE_DEMO_QUEUE", default=64)  # unfinished requests of one model
DEMO_SECONDS = env.int("GROVE_DEMO_SECONDS", default=300)  # from asking to the last token
# Threads of one web process. Streams hold theirs for as long as they last, so they may take half of them.
WEB_THREADS = env.int("GROVE_WEB_THREADS", default=64)
# Streams that one process of uvicorn keeps open at once; each costs it a few hundred kilobytes.
STREAMS = env.int("GROVE_STREAMS", default=1000)
# Evaluations that wait or run at once, of one account and in all, and seconds that one attempt may take.
EVALUATIONS_PER_USER = env.int("GROVE_EVALUATIONS_PER_USER", default=2)
EVALUATIONS_OPEN = env.int("GROVE_EVALUATIONS_OPEN", default=20)
EVALUATION_SECONDS = env.int("GROVE_EVALUATION_SECONDS", default=4 * 3600)
