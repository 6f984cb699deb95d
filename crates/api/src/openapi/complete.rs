//! What holds for every operation, added to the generated document once: credentials, the
//! idempotency key, and the problem documents behind every error.

use serde_json::{Map, Value, json};

/// Completes the document as generated.
pub(super) fn complete(document: &mut Value, version: &str) {
    document["info"]["version"] = json!(version);
    document["components"]["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key as `Authorization: Bearer KEY`."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "A key as `X-API-Key: KEY`."},
        "basic": {"type": "http", "scheme": "basic", "description": "A key as the password; the user name is ignored."},
    });
    document["security"] = json!([{"bearer": []}, {"header": []}, {"basic": []}]);
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        let operations = item.as_object_mut().into_iter().flatten();
        for (method, operation) in
            operations.filter(|(_, operation)| operation.get("responses").is_some())
        {
            complete_operation(path, method, operation);
        }
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let public = operation.get("security").is_some();
    let has_body = operation.get("requestBody").is_some();
    let content = operation["requestBody"]["content"].as_object();
    let media: Vec<String> =
        content.into_iter().flatten().map(|(media, _)| media.clone()).collect();
    let is_door =
        operation["tags"] == json!(["signals"]) || (method == "post" && path.starts_with("/api/"));
    // A test message or a challenge is sent each time it is asked for, a token may be handed in again and again, a
    // preview or dry run changes nothing, and an Alertmanager's configuration does not when it is imported again.
    let takes_no_key = ["/test", "/preview", "/verification", "/verify", "/import/alertmanager"];
    let takes_no_key = takes_no_key.iter().any(|end| path.ends_with(end));
    if method == "post" && !is_door && !takes_no_key {
        let parameter = json!({
            "name": "Idempotency-Key", "in": "header", "required": false, "schema": {"type": "string", "maxLength": 255},
            "description": "a word of the caller's choice: the same request again is answered with the first outcome",
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    if !public {
        add(responses, "401", "No key, or one that is not known, revoked or expired");
        add(responses, "403", "The key lacks the scope");
        add(
            responses,
            "503",
            "The journal or the store cannot take it now; `Retry-After` says when to come back",
        );
    }
    if has_body && !is_door {
        let is_json = media.iter().any(|media| media == "application/json");
        let unreadable = if is_json { "The body is not JSON" } else { "The body cannot be read" };
        add(responses, "400", unreadable);
        let bound = if is_json {
            "larger than 1 MiB"
        } else {
            "too large; `limit_bytes` says how large it may be"
        };
        add(responses, "413", &format!("The body is {bound}"));
        add(responses, "415", &format!("The body is not `{}`", media.join("` or `")));
    }
    for (status, response) in responses {
        if status.as_str() >= "400" && response.get("content").is_none() {
            response["content"] = problem_content(path);
        }
    }
}

fn add(responses: &mut Map<String, Value>, status: &str, description: &str) {
    if !responses.contains_key(status) {
        responses.insert(status.to_owned(), json!({"description": description}));
    }
}

fn problem_content(path: &str) -> Value {
    if path.starts_with("/api/v2/") {
        return json!({"application/json": {"schema": {"type": "string"}}});
    }
    json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}})
}
