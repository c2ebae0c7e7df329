//! LND's JSON: the same messages as protobuf, converted by their descriptors.
//!
//! Nothing here may guess a shape: what the descriptors do not name is skipped in answers.

use crate::error::{Error, Result};
use crate::permission::Route;
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions,
};
use std::sync::LazyLock;

static POOL: LazyLock<std::result::Result<DescriptorPool, String>> = LazyLock::new(|| {
    let bytes: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    DescriptorPool::decode(bytes).map_err(|error| error.to_string())
});

/// Request and answer of a method.
pub(crate) struct Shapes {
    request: MessageDescriptor,
    answer: MessageDescriptor,
}

/// What goes over HTTP.
pub(crate) struct HttpCall {
    /// Path and query.
    pub(crate) target: String,
    /// JSON body of a POST.
    pub(crate) body: Option<Vec<u8>>,
}

impl Shapes {
    /// The shapes of a method by its full name with the leading slash.
    pub(crate) fn of(name: &str) -> Result<Self> {
        let unknown = || Error::Invalid(format!("no proto describes {name}"));
        let pool = POOL.as_ref().map_err(|_| unknown())?;
        let (service, method) = name.trim_start_matches('/').split_once('/').ok_or_else(unknown)?;
        let service = pool.get_service_by_name(service).ok_or_else(unknown)?;
        let method = service.methods().find(|m| m.name() == method).ok_or_else(unknown)?;
        Ok(Self { request: method.input(), answer: method.output() })
    }

    /// The HTTP form of an encoded request.
    pub(crate) fn http(&self, route: Route, request: &[u8]) -> Result<HttpCall> {
        let broken = |error: &dyn std::fmt::Display| {
            Error::Invalid(format!("a request that is not its own message: {error}"))
        };
        let message = DynamicMessage::decode(self.request.clone(), request)
            .map_err(|error| broken(&error))?;
        let options = SerializeOptions::new()
            .use_proto_field_name(true)
            .stringify_64_bit_integers(true)
            .skip_default_fields(true);
        let value = message
            .serialize_with_options(serde_json::value::Serializer, &options)
            .map_err(|error| broken(&error))?;
        match route {
            Route::Post(path) => {
                let body = serde_json::to_vec(&value).map_err(|error| broken(&error))?;
                Ok(HttpCall { target: path.to_owned(), body: Some(body) })
            }
            Route::Get(path) => {
                Ok(HttpCall { target: target(path, &value).map_err(Error::Invalid)?, body: None })
            }
        }
    }

    /// Reads a JSON answer into the encoded message.
    pub(crate) fn answer(&self, json: &[u8]) -> std::result::Result<Vec<u8>, String> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let options = DeserializeOptions::new().deny_unknown_fields(false);
        let message =
            DynamicMessage::deserialize_with_options(self.answer.clone(), &mut reader, &options);
        let message = message.map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        Ok(message.encode_to_vec())
    }
}

/// Fills `{field}` and puts the other fields into the query.
fn target(path: &str, request: &serde_json::Value) -> std::result::Result<String, String> {
    let (mut filled, mut query) = (path.to_owned(), String::new());
    for (name, value) in request.as_object().into_iter().flatten() {
        let value = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        if !value.chars().all(plain) {
            return Err(format!("{name} holds characters that no request needs"));
        }
        let place = format!("{{{name}}}");
        if filled.contains(&place) {
            filled = filled.replace(&place, &value);
        } else {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(&format!("{name}={value}"));
        }
    }
    if filled.contains('{') {
        return Err(format!("the request lacks what {path} needs"));
    }
    Ok(filled + &query)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::{GET_CHAN_INFO, METHODS, UPDATE_CHANNEL_POLICY, allowed};
    use crate::proto::lnrpc;

    #[test]
    fn every_method_of_the_allow_list_is_described() {
        for method in &METHODS {
            assert!(Shapes::of(method.name).is_ok(), "{}", method.name);
        }
    }

    #[test]
    fn a_get_fills_its_path_and_nothing_escapes_it() {
        let shapes = Shapes::of(GET_CHAN_INFO).unwrap();
        let request = lnrpc::ChanInfoRequest { chan_id: u64::MAX, chan_point: String::new() };
        let route = allowed(GET_CHAN_INFO).unwrap().route;
        let call = shapes.http(route, &request.encode_to_vec()).unwrap();
        assert_eq!(call.target, "/v1/graph/edge/18446744073709551615");
        let hostile = lnrpc::ChanInfoRequest { chan_id: 1, chan_point: "a/../../v1/payreq".into() };
        assert!(shapes.http(route, &hostile.encode_to_vec()).is_err());
        assert!(shapes.http(route, &[]).is_err());
    }

    #[test]
    fn an_update_looks_as_lnd_expects_it() {
        let point = lnrpc::ChannelPoint {
            output_index: 1,
            funding_txid: Some(lnrpc::channel_point::FundingTxid::FundingTxidStr("ab".into())),
        };
        let request = lnrpc::PolicyUpdateRequest {
            scope: Some(lnrpc::policy_update_request::Scope::ChanPoint(point)),
            base_fee_msat: 1_000,
            fee_rate_ppm: 650,
            inbound_fee: Some(lnrpc::InboundFee { base_fee_msat: 0, fee_rate_ppm: -120 }),
            ..Default::default()
        };
        let shapes = Shapes::of(UPDATE_CHANNEL_POLICY).unwrap();
        let route = allowed(UPDATE_CHANNEL_POLICY).unwrap().route;
        let call = shapes.http(route, &request.encode_to_vec()).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&call.body.unwrap()).unwrap();
        let expected = serde_json::json!({
            "chan_point": {"funding_txid_str": "ab", "output_index": 1},
            "base_fee_msat": "1000", "fee_rate_ppm": 650,
            "inbound_fee": {"fee_rate_ppm": -120}
        });
        assert_eq!((call.target.as_str(), body), ("/v1/chanpolicy", expected));
    }

    proptest::proptest! {
        #[test]
        fn no_answer_panics(text in r#"[\[\]{}":,0-9a-z_.\-]{0,60}"#, cut in 0..400_usize) {
            let sample = r#"{"channels": [{"active": true, "chan_id": "8796", "capacity": 5e6,
                "pending_htlcs": [{"amount": "-1"}], "local_constraints": {"csv_delay": 144}}]}"#;
            let half = sample.get(..cut).unwrap_or(sample);
            let names = crate::permission::allow_list();
            for shapes in names.map(|name| Shapes::of(name).unwrap()) {
                let _ = shapes.answer(text.as_bytes());
                let _ = shapes.answer(format!("{half}{text}").as_bytes());
            }
        }
    }
}
