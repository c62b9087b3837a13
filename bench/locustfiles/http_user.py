"""Locust's default client, on requests, with the same protobuf work."""

from locust import HttpUser, constant, task

from wireswarm.protos.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse

HEADERS = {"Content-Type": "application/x-protobuf"}


class Contender(HttpUser):
    """Posts as fast as it can."""

    wait_time = constant(0)

    @task
    def post(self) -> None:
        """One request."""
        message = ModifyFoodRecordRequest(time=1795222391479, user_email="load@example.com", percentage=200)
        response = self.client.post("/message", data=message.SerializeToString(), headers=HEADERS)
        answer = ModifyFoodRecordResponse.FromString(response.content)
        assert answer.success
