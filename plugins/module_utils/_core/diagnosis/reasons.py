# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Why a connection to the peer fails, from the words in which Envoy writes it.

Sources: Envoy, ``%UPSTREAM_TRANSPORT_FAILURE_REASON%`` and its SPIFFE certificate validator; BoringSSL, names of
errors and alerts.
"""

from __future__ import annotations

NONE = "none"
NO_CONNECTION, REFUSED = "no connection", "refused"
NOT_TRUSTED, NO_TLS, EXPIRED, NOT_YET = "not trusted", "no TLS", "expired", "not yet valid"
OTHER_NAME, WE_ARE_NOT_TRUSTED, WE_HAVE_EXPIRED = "another identity", "we are not trusted", "we have expired"
OTHER_MESH = "of a mesh that we do not know"
WE_ARE_REFUSED = "our certificate is refused"
"""All that Envoy's SPIFFE validator lets the other end know, be it of the root or of the time of a certificate."""
UNKNOWN = "unknown"

# The first mark that a reason holds counts: the narrower stand before the wider.
_MARKS = (
    ("ALERT_UNKNOWN_CA", WE_ARE_NOT_TRUSTED),
    ("ALERT_CERTIFICATE_EXPIRED", WE_HAVE_EXPIRED),
    ("ALERT_CERTIFICATE_UNKNOWN", WE_ARE_REFUSED),
    ("ALERT_BAD_CERTIFICATE", WE_ARE_REFUSED),
    ("certificate has expired", EXPIRED),
    ("CERT_HAS_EXPIRED", EXPIRED),
    ("certificate is not yet valid", NOT_YET),
    ("CERT_NOT_YET_VALID", NOT_YET),
    ("SAN matcher", OTHER_NAME),
    ("SAN_match", OTHER_NAME),
    ("no trust bundle store", OTHER_MESH),
    ("no matching trust bundle", OTHER_MESH),
    ("WRONG_VERSION_NUMBER", NO_TLS),
    ("HTTP_REQUEST", NO_TLS),
    ("CERTIFICATE_VERIFY_FAILED", NOT_TRUSTED),
    ("certificate verify failed", NOT_TRUSTED),
    ("onnection refused", REFUSED),
    ("connect_error: 111", REFUSED),
    ("connect error: 111", REFUSED),
    ("timeout", NO_CONNECTION),
    ("timed out", NO_CONNECTION),
    ("unreachable", NO_CONNECTION),
    ("connect_error", NO_CONNECTION),
    ("connect error", NO_CONNECTION),
    ("connection_failure", NO_CONNECTION),
)
TCP = (NO_CONNECTION, REFUSED)
TLS = (NOT_TRUSTED, NO_TLS, EXPIRED, NOT_YET)
IDENTITY = (OTHER_NAME, OTHER_MESH, WE_ARE_NOT_TRUSTED, WE_HAVE_EXPIRED, WE_ARE_REFUSED)


def reason_of(text: str) -> str:
    """Return what a reason means; ``NONE`` for no text, ``UNKNOWN`` for one that is not known."""
    if not text or text == "-":
        return NONE
    spaced = text.replace("_", " ")
    return next((kind for mark, kind in _MARKS if mark in text or mark.replace("_", " ") in spaced), UNKNOWN)
