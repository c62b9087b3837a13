"""Posts the rows of whichever file `testData.selectedFile` names, one after the other over all users and workers."""

import os

from locust import between, task

from wireswarm import DataFile, RestUser


class DataDrivenUser(RestUser):
    """Whoever does what the next row says."""

    wait_time = between(1, 2)
    rows = DataFile(
        os.getenv("TEST_DATA_FILE", "/test_data/users_small.jsonl"), columns={"user_id": int, "action": str}
    )

    @task
    def api_call(self) -> None:
        """One row."""
        self.client.post("/api/action", json=next(self.rows), expect=None)
