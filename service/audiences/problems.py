"""What may be wrong with an audience that is asked for."""

from http import HTTPStatus

from service.http.problems import ProblemError


class NothingMeantError(ProblemError):
    """The shop has nothing of what the people of this audience are to have bought."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "nothing-meant"


class ForecastMissingError(ProblemError):
    """The model in service does not foretell this."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "forecast-missing"
