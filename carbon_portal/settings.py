"""Settings of the portal. One file; every switch comes from the environment through `env.py`."""

from pathlib import Path

from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from carbon_portal import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = env.var_folder()

# -- what kind of run -------------------------------------------------------------------------------------------------
# The demo binds loopback, may use cookies over plain HTTP, and says on every page that its data are samples.
DEMO = env.flag("PORTAL_DEMO", default=not env.text("DATABASE_URL"))
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret_key(VAR)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]" if DEMO else "")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

# -- who runs it: dated facts, never strings in templates -------------------------------------------------------------
SITE_NAME = env.text("SITE_NAME", "粤碳普惠")
SITE_NAME_EN = env.text("SITE_NAME_EN", "Guangdong Carbon Inclusion")
# The plan's name for the authority; its duties later passed to 省生态环境厅 (粤环发〔2022〕4号).
SITE_AUTHORITY = env.text("SITE_AUTHORITY", "广东省发展和改革委员会")
SITE_AUTHORITY_EN = env.text("SITE_AUTHORITY_EN", "Guangdong Development and Reform Commission")
SITE_HOTLINE = env.text("SITE_HOTLINE", "12345")
SITE_ICP = env.text("SITE_ICP")
MAP_GEOJSON = env.text("MAP_GEOJSON", "vendor/map-guangdong/guangdong.json")
MAP_APPROVAL_NO = env.text("MAP_APPROVAL_NO")
POINTS_NAME = env.text("POINTS_NAME", "碳币")
POINTS_NAME_EN = env.text("POINTS_NAME_EN", "carbon points")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials",
    "pgtrigger",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.usersessions",
    "oauth2_provider",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "carbon_portal.kernel",
    "accounts",
    "methodologies",
    "credits.ledger",
    "behaviors",
    "credits",
    "merchants",
    "pilots",
    "carbon_portal.pages",
    "carbon_portal.workflows",
]

MIDDLEWARE = [
    # What stands first also dresses static files, the way to TLS and refusals of those below.
    "csp.middleware.CSPMiddleware",
    "carbon_portal.kernel.middleware.headers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "carbon_portal.kernel.middleware.language",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "carbon_portal.kernel.middleware.from_here",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "carbon_portal.kernel.middleware.row_scope",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "carbon_portal.kernel.middleware.domain_errors",
    "carbon_portal.kernel.middleware.own_site",
    "carbon_portal.kernel.middleware.plain_query",
]

ROOT_URLCONF = "carbon_portal.urls"
WSGI_APPLICATION = "carbon_portal.wsgi.application"
ASGI_APPLICATION = "carbon_portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "carbon_portal.pages.context.site",
            ],
        },
    },
]

# -- data: PostgreSQL only, one role per kind of process ---------------------------------------------------------------
DATABASE_ROLE = env.role()
DATABASES = {
    "default": {
        **env.database_dsn(DATABASE_ROLE),
        # In a new connection PostgreSQL reads the catalogue of all partitions, longer than a page takes otherwise.
        "CONN_MAX_AGE": env.number("DB_CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Bookkeeping is serialised by locks and guards in the database, so the default isolation is enough (docs/locking.md).
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": env.cache_url()}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"

# -- language and time -------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

# -- people ------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "pages:home"
ACCOUNT_ADAPTER = "accounts.adapter.PortalAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"phone", "username"}
# Nobody signs up by these: residents join by phone and code (accounts/views/entrance.py). They say that the login form
# for staff has a user name and a password, and that a login without a phone is whole.
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_SESSION_REMEMBER = True
# T36, T38. `login_failed` counts per (user name, address), `login_failed_account` per user name wherever from; codes
# per number, per address and for all together. Whoever tries the demo on one machine is one address.
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "30/m/ip,5/15m/key",
    "login_failed_account": "10/m/key",
    "request_login_code": f"1/m/key,5/d/key,{60 if DEMO else 10}/h/ip",
    "codes_of_session": "5/h/key",
    "codes_in_all": "600/m/key",
    "reauthenticate": "10/m/user",
    "change_password": "5/m/user",
}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
# In the demo codes go to the console and to an outbox page; a province sets its own gateway here.
SMS_GATEWAY = env.text("SMS_GATEWAY", "accounts.sms.OutboxGateway")
# Limits count by address: behind a proxy that is the last-but-N entry of X-Forwarded-For, else everybody shares one.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXY_COUNT", 0)

# -- cookies and headers -----------------------------------------------------------------------------------------------
SECURE_COOKIES = not DEMO
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_NAME = "__Host-session" if SECURE_COOKIES else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE_COOKIES else "csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_HTTPONLY = False  # htmx reads the token from the page, not from the cookie; the name is public anyway
CSRF_FAILURE_VIEW = "carbon_portal.pages.errors.csrf_failure"
SECURE_HSTS_SECONDS = 0 if DEMO else 2 * 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEMO
SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", default=not DEMO)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:"],
        "worker-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    },
}

# -- files -------------------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Demo and tests serve from the finders; hashing and compression belong to the production image (collectstatic).
WHITENOISE_USE_FINDERS = DEMO
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_ROOT = VAR / "uploads"  # outside the web root; served by an authorising view only
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
DATA_UPLOAD_MAX_NUMBER_FILES = 5
EVIDENCE_MAX_BYTES = 10 * 1024 * 1024
EVIDENCE_MAX_PIXELS = 24_000_000

# -- work in the background --------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.broker_url()
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    # A page whose broker is away must not wait: the sweep will find what was not announced.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE = {
    "sweep-pending-records": {"task": "credits.quantify_pending", "schedule": 20.0},
    "close-correction-windows": {"task": "credits.close_windows", "schedule": 60.0},
    "award-queued-points": {"task": "credits.award_queued", "schedule": 60.0},
    "tell-proposers": {"task": "methodologies.tell_proposers", "schedule": 60.0},
    "sweep-recomputations": {"task": "credits.recompute", "schedule": 60.0},
    "expire-holds": {"task": "merchants.expire_vouchers", "schedule": 60.0},
    "expire-points": {"task": "credits.expire_points", "schedule": 3600.0},
    "tell-cities": {"task": "methodologies.tell_cities", "schedule": 60.0},
    "send-notices": {"task": "credits.send_notices", "schedule": 60.0},
    "sweep-simulations": {"task": "credits.sweep_simulations", "schedule": 30.0},
    "fold-ledger-checkpoints": {"task": "credits.fold_checkpoints", "schedule": 3600.0},
    "worker-heartbeat": {"task": "kernel.heartbeat", "schedule": 15.0},
}

# -- the API -----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    # Bearer tokens only, never the session cookie: a page's cookie can't be turned against the API (T41).
    "DEFAULT_AUTHENTICATION_CLASSES": ["oauth2_provider.contrib.rest_framework.OAuth2Authentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["carbon_portal.kernel.api.StrictJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "carbon_portal.kernel.schema.PortalSchema",
    "DEFAULT_PAGINATION_CLASS": "carbon_portal.kernel.api.CursorPages",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "carbon_portal.kernel.problems.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "DATETIME_FORMAT": "iso-8601",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "碳普惠推广平台 API",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "OAUTH2_FLOWS": ["clientCredentials", "authorizationCode"],
    "OAUTH2_TOKEN_URL": "/o/token/",
    "OAUTH2_AUTHORIZATION_URL": "/o/authorize/",
}
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": 30 * 60,
    "SCOPES": {
        "me": _("读写本人的记录、账户和兑换券"),
        "till": _("收银台核销"),
        "behaviors:write": _("报送行为记录"),
        "dashboards": _("读取看板"),
    },
    "PKCE_REQUIRED": True,
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    # RFC 9700, best current practice: no implicit or password grant, S256 only, tokens in headers only and stored as
    # checksums, the issuer named in answers, a replayed refresh token revokes its family.
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
}

SILENCED_SYSTEM_CHECKS = [
    # The demo speaks plain HTTP on loopback; the start-up guard refuses the same in production (kernel/checks.py).
    *(["security.W004", "security.W008", "security.W012", "security.W016"] if DEMO else []),
    "security.W021",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"mask": {"()": "carbon_portal.kernel.logs.MaskPersonalData"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["mask"], "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
}
