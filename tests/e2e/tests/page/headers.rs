//! Every answer's headers, and what the gateway and the function refuse. Without a browser: these run everywhere.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::{Options, Stack, story};
use reqwest::{Method, Response, StatusCode};
use sandbox::control::NewGrant;

/// What no answer goes without.
const FIXED: [(&str, &str); 5] = [
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("strict-transport-security", "max-age=63072000"),
];

async fn ask(stack: &Stack, method: Method, query: &str) -> Result<Response> {
    loop {
        let request = stack.http.request(method.clone(), format!("{}/v1/auth{query}", stack.at.api_url));
        let answer = request.send().await?;
        // Other visits come from the same address.
        if answer.status() != StatusCode::TOO_MANY_REQUESTS {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_safe(answer: &Response, what: &str) -> Result<()> {
    for (name, value) in FIXED {
        ensure!(header(answer, name) == value, "{what}: {name}: {}", header(answer, name));
    }
    let policy = header(answer, "content-security-policy");
    ensure!(!policy.contains("unsafe") && !policy.contains("http"), "{what}: {policy}");
    for directive in
        ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'sha256-", "style-src 'sha256-"]
    {
        ensure!(policy.contains(directive), "{what}: {directive} is not in {policy}");
    }
    ensure!(header(answer, "permissions-policy").contains("camera=()"), "{what}");
    Ok(())
}

pub(crate) async fn every_answer_carries_the_same_protection() -> Result<()> {
    story(Options::shared(), async |stack| {
        let code = stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        stack.confidential.add(&code);
        let exchange = format!("?auth_code={code}&state=your_custom_params");
        let table = [
            ("", StatusCode::OK),
            ("?start=1", StatusCode::FOUND),
            (exchange.as_str(), StatusCode::OK),
            (exchange.as_str(), StatusCode::GONE),
            ("?shown=1", StatusCode::OK),
            ("?error=access_denied&state=your_custom_params", StatusCode::BAD_REQUEST),
            ("?auth_code=abc&auth_code=abc", StatusCode::BAD_REQUEST),
            ("?auth_code=abc&state=other", StatusCode::BAD_REQUEST),
            ("?state=%", StatusCode::BAD_REQUEST),
        ];
        for (query, status) in table {
            let answer = ask(stack, Method::GET, query).await?;
            ensure!(answer.status() == status, "{query}: {}", answer.status());
            is_safe(&answer, query)?;
            let cookie = header(&answer, "set-cookie").to_owned();
            ensure!(cookie.is_empty() != (query == "?start=1"), "{query}: {cookie}");
            for attribute in
                ["Secure", "HttpOnly", "SameSite=Lax", "Max-Age=1800"].iter().filter(|_| !cookie.is_empty())
            {
                ensure!(cookie.contains(attribute), "{cookie}");
            }
            let html = answer.text().await?;
            ensure!(!html.contains(&code), "{query}: the code is in the page");
            for inline in
                [" onclick=", " onload=", " style=", "javascript:", "src=", "<link", "<img", "@import", "url("]
            {
                ensure!(!html.contains(inline), "{query}: {inline} in the page");
            }
        }
        Ok(())
    })
    .await
}

pub(crate) async fn a_head_or_another_method_exchanges_no_code() -> Result<()> {
    story(Options::shared(), async |stack| {
        let code = stack.tiktok.auth_code(&NewGrant::of("admin")).await?;
        stack.confidential.add(&code);
        let exchange = format!("?auth_code={code}&state=your_custom_params");
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            let answer = ask(stack, method.clone(), &exchange).await?;
            ensure!(answer.status().is_client_error(), "{method}: {}", answer.status());
        }
        let head = ask(stack, Method::HEAD, &exchange).await?;
        ensure!(head.status() == StatusCode::NO_CONTENT, "{}", head.status());
        ensure!(ask(stack, Method::GET, &exchange).await?.status() == StatusCode::OK, "the code was spent");
        Ok(())
    })
    .await
}

pub(crate) async fn the_gateways_access_log_has_no_address_in_it() -> Result<()> {
    let template = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml"))?;
    let (_, format) = template.split_once("AccessLogSettings:").context("no access log")?;
    let (format, _) = format.split_once("\n\n").context("no end")?;
    let used = format.split("$context.").skip(1).filter_map(|text| text.split('"').next());
    let harmless =
        ["requestId", "routeKey", "status", "responseLatency", "responseLength", "integrationStatus", "error.message"];
    let other: Vec<_> = used.filter(|name| !harmless.contains(name)).collect();
    ensure!(other.is_empty(), "the access log has {other:?}");
    Ok(())
}
