//! LND's JSON on the serving side: proto names, every scalar, 64-bit numbers as text.
//!
//! Requests are read as strictly as LND reads them: an unknown field is an error.

use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor,
    SerializeOptions,
};
use serde_json::Value;
use std::sync::LazyLock;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    DescriptorPool::decode(bytes).unwrap()
});

/// A method by its full name.
pub(crate) fn described(name: &str) -> MethodDescriptor {
    let (service, method) = name.trim_start_matches('/').split_once('/').unwrap();
    let service = POOL.get_service_by_name(service).unwrap();
    service.methods().find(|found| found.name() == method).unwrap()
}

/// A JSON request as the encoded message.
pub(crate) fn request(method: &MethodDescriptor, json: Value) -> Result<Vec<u8>, String> {
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    DynamicMessage::deserialize_with_options(method.input(), json, &options)
        .map(|message| message.encode_to_vec())
        .map_err(|error| error.to_string())
}

/// A query or path parameter as the JSON value its field takes.
pub(crate) fn parameter(
    method: &MethodDescriptor,
    name: &str,
    text: &str,
) -> Result<Value, String> {
    let field = method.input().get_field_by_name(name);
    let kind = field.ok_or_else(|| format!("unknown parameter {name}"))?.kind();
    match kind {
        Kind::Bool => text.parse().map(Value::Bool).map_err(|_| format!("{name} is no bool")),
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// An encoded answer as JSON.
pub(crate) fn answer(method: &MethodDescriptor, bytes: &[u8]) -> Value {
    let message = DynamicMessage::decode(method.output(), bytes).unwrap();
    let options = SerializeOptions::new()
        .use_proto_field_name(true)
        .stringify_64_bit_integers(true)
        .skip_default_fields(false);
    let serializer = serde_json::value::Serializer;
    let mut value = message.serialize_with_options(serializer, &options).unwrap();
    fill(&mut value, &method.output());
    value
}

/// Unset messages are `null`, except those of which only one can be set.
fn fill(value: &mut Value, shape: &MessageDescriptor) {
    let Some(object) = value.as_object_mut() else { return };
    for field in shape.fields() {
        let Kind::Message(inner) = field.kind() else { continue };
        match object.get_mut(field.name()) {
            Some(Value::Array(items)) => items.iter_mut().for_each(|item| fill(item, &inner)),
            Some(value) => fill(value, &inner),
            None if field.containing_oneof().is_none() => {
                object.insert(field.name().to_owned(), Value::Null);
            }
            None => {}
        }
    }
}
