"""Our contender: a small protobuf message posted and its answer decoded, by `ProtobufUser`."""

from locust import constant, task

from wireswarm import ProtobufUser
from wireswarm.protos.modify_food_record_pb2 import ModifyFoodRecordRequest, ModifyFoodRecordResponse


class Contender(ProtobufUser):
    """Posts as fast as it can."""

    wait_time = constant(0)

    @task
    def post(self) -> None:
        """One request."""
        message = ModifyFoodRecordRequest(time=1795222391479, user_email="load@example.com", percentage=200)
        answer = self.client.post("/message", message, expect=ModifyFoodRecordResponse)
        assert answer.success
