//! REST as LND's gateway serves it: routes, parameters, errors by HTTP status, JSON lines.
//!
//! The routes are written down here once more, independently of any client.

use crate::Inner;
use crate::answer::{self, Outcome, Refusal};
use crate::fault::{Recorded, Wire};
use crate::json;
use futures::StreamExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::Service;
use hyper::{Request, Response};
use serde_json::{Map, Value};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Notify;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Verb, path and method; a last path segment in braces is a parameter.
const ROUTES: [(&str, &str, &str); 16] = [
    ("GET", "/v1/state", "/lnrpc.State/GetState"),
    ("GET", "/v1/getinfo", "/lnrpc.Lightning/GetInfo"),
    ("GET", "/v1/channels", "/lnrpc.Lightning/ListChannels"),
    ("GET", "/v1/fees", "/lnrpc.Lightning/FeeReport"),
    ("GET", "/v1/graph/edge/{chan_id}", "/lnrpc.Lightning/GetChanInfo"),
    ("GET", "/v1/graph/node/{pub_key}", "/lnrpc.Lightning/GetNodeInfo"),
    ("GET", "/v1/graph/info", "/lnrpc.Lightning/GetNetworkInfo"),
    ("GET", "/v1/graph", "/lnrpc.Lightning/DescribeGraph"),
    ("POST", "/v1/switch", "/lnrpc.Lightning/ForwardingHistory"),
    ("GET", "/v1/transactions", "/lnrpc.Lightning/GetTransactions"),
    ("GET", "/v1/channels/closed", "/lnrpc.Lightning/ClosedChannels"),
    ("POST", "/v1/chanpolicy", "/lnrpc.Lightning/UpdateChannelPolicy"),
    ("POST", "/v1/macaroon/checkpermissions", "/lnrpc.Lightning/CheckMacaroonPermissions"),
    ("POST", "/v2/router/updatechanstatus", "/routerrpc.Router/UpdateChanStatus"),
    ("GET", "/v2/router/htlcevents", "/routerrpc.Router/SubscribeHtlcEvents"),
    ("GET", "/v2/wallet/estimatefee/{conf_target}", "/walletrpc.WalletKit/EstimateFee"),
];

/// The method a request is for, and the parameters its path carries.
fn route(verb: &str, path: &str) -> Option<(&'static str, Vec<(&'static str, String)>)> {
    for (want, template, method) in &ROUTES {
        if *want != verb {
            continue;
        }
        match template.split_once('{') {
            None if *template == path => return Some((method, Vec::new())),
            Some((head, name)) => {
                let value = path.strip_prefix(head).filter(|v| !v.is_empty() && !v.contains('/'));
                if let Some(value) = value {
                    return Some((method, vec![(name.trim_end_matches('}'), value.to_owned())]));
                }
            }
            None => {}
        }
    }
    None
}

fn whole(status: u16, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    response
}

fn error(refusal: &Refusal) -> Response<Body> {
    let status = match refusal.code {
        3 => 400,
        5 => 404,
        12 => 501,
        14 => 503,
        _ => 500,
    };
    let body = serde_json::json!({
        "code": refusal.code, "message": refusal.message, "details": []
    });
    whole(status, body.to_string().into_bytes())
}

/// The request's parameters or body as an encoded message.
fn read(
    method: &'static str,
    parameters: Vec<(&str, String)>,
    query: &str,
    body: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let described = json::described(method);
    let broken = |message: String| answer::invalid(&message);
    if !body.is_empty() {
        let value = serde_json::from_slice(body).map_err(|error| broken(error.to_string()))?;
        return json::request(&described, value).map_err(broken);
    }
    let mut object = Map::new();
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let parameters = parameters.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in parameters.chain(pairs) {
        let value = json::parameter(&described, name, value).map_err(broken)?;
        object.insert(name.to_owned(), value);
    }
    json::request(&described, Value::Object(object)).map_err(broken)
}

async fn concluded(method: &str, outcome: Outcome, cut: &Notify) -> Response<Body> {
    match outcome {
        Outcome::Answer(Ok(bytes)) => {
            whole(200, json::answer(&json::described(method), &bytes).to_string().into_bytes())
        }
        Outcome::Answer(Err(refusal)) => error(&refusal),
        Outcome::Cut => {
            cut.notify_one();
            std::future::pending().await
        }
        Outcome::Silence => std::future::pending().await,
        Outcome::Bare500 => whole(500, b"<html>oops</html>".to_vec()),
        Outcome::Garbage => whole(200, b"{\"channels\": [".to_vec()),
    }
}

async fn handle(inner: Arc<Inner>, cut: Arc<Notify>, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let Some((method, parameters)) = route(head.method.as_str(), head.uri.path()) else {
        let method = head.uri.path().to_owned();
        inner.calls.lock().unwrap().push(Recorded { method, wire: Wire::Rest });
        return error(&Refusal { code: 5, message: "Not Found".into() });
    };
    let Ok(body) = body.collect().await else { return error(&answer::invalid("body cut off")) };
    let macaroons = head.headers.get_all("grpc-metadata-macaroon");
    let macaroons: Vec<&[u8]> = macaroons.iter().map(|value| value.as_bytes()).collect();
    let query = head.uri.query().unwrap_or_default();
    let message = match read(method, parameters, query, &body.to_bytes()) {
        Ok(message) => message,
        Err(refusal) => return error(&refusal),
    };
    if method != "/routerrpc.Router/SubscribeHtlcEvents" {
        let outcome = answer::unary(&inner, Wire::Rest, method, &macaroons, &message).await;
        return concluded(method, outcome, &cut).await;
    }
    match answer::subscribe(&inner, Wire::Rest, method, &macaroons).await {
        Err(outcome) => concluded(method, outcome, &cut).await,
        Ok(cut_after) => {
            let described = json::described(method);
            let lines = crate::stream::events(&inner, cut_after, cut).map(move |bytes| {
                let line = serde_json::json!({"result": json::answer(&described, &bytes)});
                Ok(Frame::data(Bytes::from(format!("{line}\n"))))
            });
            Response::new(StreamBody::new(lines).boxed_unsync())
        }
    }
}

/// Serves one connection.
pub(crate) fn service(
    inner: Arc<Inner>,
    cut: Arc<Notify>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> {
    hyper::service::service_fn(move |request| {
        let (inner, cut) = (Arc::clone(&inner), Arc::clone(&cut));
        async move { Ok(handle(inner, cut, request).await) }
    })
}
