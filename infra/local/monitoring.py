"""Alarms and saved queries of the template that MiniStack does not take. None is ever raised or run."""

import uuid

from ministack.services.cloudformation import provisioners


def fix_monitoring() -> None:
    """Alarms over several metrics are kept without their expressions; saved queries of Logs Insights are not kept."""
    record = provisioners._cw_metric_alarm_record

    def record_any(name: str, properties: dict) -> dict:
        if "Metrics" not in properties:
            return record(name, properties)
        watched = next(each for each in properties["Metrics"] if each.get("ReturnData", True))
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        return record(name, {**plain, "Namespace": "expression", "MetricName": watched["Id"]})

    provisioners._cw_metric_alarm_record = record_any
    provisioners._RESOURCE_HANDLERS["AWS::Logs::QueryDefinition"] = {
        "create": lambda logical_id, *_: (str(uuid.uuid5(uuid.NAMESPACE_OID, logical_id)), {}),
        "update": lambda physical_id, *_: (physical_id, {}),
        "delete": lambda *_: None,
    }
