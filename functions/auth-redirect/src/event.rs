//! The event of the HTTP API, payload format 2.0, as far as this function needs it.
//!
//! Read leniently, by hand: `lambda_http` builds a URI of it and panics where a stranger's query is not percent-encoded.

use std::net::{IpAddr, Ipv6Addr};

use serde_json::Value;

/// Bits of an IPv6 address that tell one customer of a provider from another.
const IPV6_SITE_BITS: u32 = 64;

/// A request of a browser, or of whatever calls itself one. Nothing in it can be trusted but `source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) route: Route,
    /// As it came, without the question mark.
    pub(crate) query: String,
    /// Each `name=value` of the `Cookie` headers.
    pub(crate) cookies: Vec<String>,
    /// Whether a browser or a mail program fetches it before anybody asked for it.
    pub(crate) prefetch: bool,
    pub(crate) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Other,
}

/// Which of our addresses was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/v1/auth`, also with a slash behind it.
    Auth,
    /// `/`
    Home,
    /// No address of ours.
    Unknown,
}

/// The address of the caller as the gateway saw it; of IPv6 the first 64 bits. Never logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source(Option<IpAddr>);

impl Request {
    /// Reads an event. What is missing or of another type counts as empty; `None` where it is not JSON.
    pub(crate) fn read(event: &str) -> Option<Self> {
        let event: Value = serde_json::from_str(event).ok()?;
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        // The gateway puts them into `cookies`; a proxy between may leave them in the header.
        let listed = event["cookies"].as_array().map(Vec::as_slice).unwrap_or_default();
        let cookies = listed.iter().chain(header(&event["headers"], "cookie"));
        Some(Self {
            method: Method::read(text("/requestContext/http/method")),
            route: Route::read(text("/rawPath")),
            query: text("/rawQueryString").to_owned(),
            cookies: cookies.filter_map(Value::as_str).map(str::to_owned).collect(),
            prefetch: is_prefetch(&event["headers"]),
            source: Source::of(text("/requestContext/http/sourceIp")),
        })
    }
}

impl Method {
    fn read(text: &str) -> Self {
        match text {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            _ => Self::Other,
        }
    }
}

impl Route {
    /// A custom domain may put its own path before ours.
    fn read(path: &str) -> Self {
        match path.trim_end_matches('/') {
            "" => Self::Home,
            path if path.ends_with("/v1/auth") => Self::Auth,
            _ => Self::Unknown,
        }
    }
}

impl Source {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.parse().ok().map(|address| match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> IPV6_SITE_BITS << IPV6_SITE_BITS))
            }
        }))
    }
}

/// `Sec-Purpose: prefetch` and `prefetch;prerender` (Chromium, Firefox), `Purpose` (older Chromium), `X-Moz` (older Firefox),
/// `X-Purpose: preview` (Safari).
fn is_prefetch(headers: &Value) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].iter().any(|name| {
        let value = header(headers, name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        ["prefetch", "prerender", "preview"].iter().any(|word| value.contains(word))
    })
}

fn header<'a>(headers: &'a Value, name: &str) -> Option<&'a Value> {
    let mut headers = headers.as_object()?.iter();
    headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn event(path: &str, query: &str, headers: &Value) -> Request {
        let event = json!({
            "version": "2.0", "routeKey": "GET /v1/auth", "rawPath": path, "rawQueryString": query,
            "cookies": ["a=1", "b=2"], "headers": headers,
            "requestContext": {"http": {"method": "GET", "sourceIp": "2001:db8:1:2:3:4:5:6"}},
            "isBase64Encoded": false
        });
        Request::read(&event.to_string()).unwrap()
    }

    #[test]
    fn an_event_of_the_gateway_is_read() {
        let request = event("/v1/auth", "state=<b>&x={\"a\":1}", &json!({"host": "api.example"}));
        let expected = Request {
            method: Method::Get,
            route: Route::Auth,
            query: "state=<b>&x={\"a\":1}".to_owned(),
            cookies: vec!["a=1".to_owned(), "b=2".to_owned()],
            prefetch: false,
            source: Source::of("2001:db8:1:2::"),
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn every_path_has_its_route() {
        let table = [
            ("/v1/auth", Route::Auth),
            ("/v1/auth/", Route::Auth),
            ("/base/v1/auth", Route::Auth),
            ("/", Route::Home),
            ("", Route::Home),
            ("/v1/firehose", Route::Unknown),
            ("/V1/AUTH", Route::Unknown),
            ("/xv1/auth", Route::Unknown),
            ("/favicon.ico", Route::Unknown),
        ];
        for (path, route) in table {
            assert_eq!(Route::read(path), route, "{path}");
        }
    }

    #[test]
    fn prefetches_are_told_by_their_headers() {
        let table = [
            ("sec-purpose", "prefetch", true),
            ("Sec-Purpose", "prefetch;prerender", true),
            ("sec-purpose", "prefetch;anonymous-client-ip", true),
            ("purpose", "prefetch", true),
            ("x-moz", "prefetch", true),
            ("x-purpose", "preview", true),
            ("sec-fetch-mode", "navigate", false),
            ("referer", "prefetch", false),
        ];
        for (name, value, prefetch) in table {
            assert_eq!(event("/v1/auth", "", &json!({ name: value })).prefetch, prefetch, "{name}: {value}");
        }
    }

    #[test]
    fn cookies_are_found_in_the_header_too() {
        let request = event("/v1/auth", "", &json!({"Cookie": "c=3; d=4"}));
        assert_eq!(request.cookies, ["a=1", "b=2", "c=3; d=4"]);
    }

    #[test]
    fn an_event_of_another_form_is_an_empty_request() {
        for odd in [json!(null), json!([]), json!({"rawPath": 7, "cookies": {}, "headers": [1], "requestContext": "x"})]
        {
            let request = Request::read(&odd.to_string()).unwrap();
            assert_eq!((request.method, request.route, &*request.query), (Method::Other, Route::Home, ""), "{odd}");
        }
        assert_eq!(Request::read("{\"rawPath\":\"\\ud800\"}"), None);
    }

    proptest! {
        #[test]
        fn no_query_is_lost_or_makes_it_panic(query in "\\PC{0,200}") {
            prop_assert_eq!(event("/v1/auth", &query, &Value::Null).query, query);
        }
    }
}
