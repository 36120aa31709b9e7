"""Problems of those who are not let in: RFC 6750, section 3."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import ClassVar

from service.http.problems import ProblemError

REALM = 'Bearer realm="portrait"'


class KeyMissingError(ProblemError):
    """This needs a key."""

    status = HTTPStatus.UNAUTHORIZED
    name = "key-missing"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": REALM}


class KeyInvalidError(ProblemError):
    """This key or token opens nothing."""

    status = HTTPStatus.UNAUTHORIZED
    name = "key-invalid"
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": f'{REALM}, error="invalid_token"'}


class ScopeMissingError(ProblemError):
    """This key or token may not do this."""

    status = HTTPStatus.FORBIDDEN
    name = "scope-missing"
    headers: ClassVar[Mapping[str, str]] = {
        "WWW-Authenticate": f'{REALM}, error="insufficient_scope"'
    }


class SeriesElsewhereError(ProblemError):
    """The series of this process are for its operator alone."""

    status = HTTPStatus.FORBIDDEN
    name = "series-elsewhere"


class KeyMisplacedError(ProblemError):
    """This key is for the pages of other origins."""

    status = HTTPStatus.FORBIDDEN
    name = "key-misplaced"


class KeysUnknownError(ProblemError):
    """Keys are not known yet: try again in a moment."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "keys-unknown"
