"""Need: how much there is of what is needed, in numbers."""

from pydantic import BaseModel, ConfigDict, Field


class Need(BaseModel):
    """One thing of which there is too little."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    what: str = Field(
        description="In the plural, as in `129 of 200 examples`.", examples=["new events"]
    )
    there: int = Field(examples=[129])
    needed: int = Field(examples=[1_000])

    def __str__(self) -> str:
        return f"{self.there:,} of {self.needed:,} {self.what}"
