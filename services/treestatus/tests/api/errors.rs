// SPDX-License-Identifier: MPL-2.0
use reqwest::Method;
use serde_json::json;

use crate::apps;

#[actix_web::test]
async fn an_unknown_tree_is_the_documented_404() {
    for app in apps().await {
        for path in [
            "/trees/nope",
            "/v0/trees/nope",
            "/trees/nope/logs",
            "/trees/nope/logs_all",
        ] {
            let answer = app.anonymous().get(path).await;
            assert_eq!(answer.status, 404);
            assert_eq!(
                answer.json(),
                json!({
                    "detail": "No such tree", "instance": "about:blank", "status": 404,
                    "title": "404 Not Found: No such tree", "type": "about:blank",
                })
            );
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert_eq!(answer.header("access-control-allow-origin"), "*");
        }
    }
}

#[actix_web::test]
async fn bad_bodies_are_400_in_the_known_words_and_change_nothing() {
    for app in apps().await {
        app.tree("a").await;
        let table = [
            (json!({}), "'trees' is a required property"),
            (
                json!({"trees": "a"}),
                "'a' is not of type 'array' - 'trees'",
            ),
            (
                json!({"trees": [1]}),
                "1 is not of type 'string' - 'trees.0'",
            ),
            (json!({"trees": []}), "trees must name at least one tree"),
            (
                json!({"trees": ["a"], "status": "closed", "reason": "r"}),
                "tags are required when closing a tree",
            ),
            (
                json!({"trees": ["a"], "status": null}),
                "None is not of type 'string' - 'status'",
            ),
            (
                json!({"trees": ["a"], "status": "ajar"}),
                "status must be one of 'open', 'closed', 'approval required'",
            ),
            (
                json!({"trees": ["a"], "reason": "\u{0}"}),
                "a text must not contain NUL characters - 'reason'",
            ),
            (
                json!({"trees": ["a"], "status": "open", "remember": true}),
                "must specify status, reason and tags to remember the change",
            ),
        ];
        for (body, detail) in table {
            let answer = app.update(body.clone()).await;
            assert_eq!(answer.status, 400, "{body}");
            assert_eq!(answer.json()["detail"], detail, "{body}");
        }
        assert_eq!(app.result("/trees/a/logs").await, json!([]));
    }
}

#[actix_web::test]
async fn that_all_trees_exist_is_the_first_rule() {
    for app in apps().await {
        app.tree("a").await;
        let body = json!({"trees": ["a", "q'q", "b"], "status": "closed"});
        let answer = app.update(body).await;
        assert_eq!(answer.status, 404);
        assert_eq!(
            answer.json()["detail"],
            "Could not fetch the following trees: {'b', \"q'q\"}"
        );
    }
}

#[actix_web::test]
async fn deleting_no_tree_is_a_mistake() {
    for app in apps().await {
        let none = json!({"trees": []});
        let answer = app.admin().json("DELETE", "/trees2", &none).await;
        assert_eq!(
            (answer.status, &answer.json()["detail"]),
            (400, &json!("trees must name at least one tree"))
        );
    }
}

#[actix_web::test]
async fn bodies_that_are_no_json_are_refused_by_their_reason() {
    for app in apps().await {
        let patch = || app.sheriff().request(Method::PATCH, "/trees");
        let table: [(Option<&str>, Vec<u8>, u16, &str); 5] = [
            (
                Some("application/json"),
                b"{".to_vec(),
                400,
                "Request body is not valid JSON",
            ),
            (
                Some("application/json"),
                vec![0xff, 0xfe],
                400,
                "Request body is not valid JSON",
            ),
            (None, Vec::new(), 400, "None is not of type 'object'"),
            (
                Some("text/plain"),
                b"{}".to_vec(),
                415,
                "Invalid Content-type (text/plain), expected JSON data",
            ),
            (
                Some("application/json"),
                vec![b' '; (1 << 20) + 1],
                413,
                "the body is larger than 1048576 bytes",
            ),
        ];
        for (media_type, body, status, detail) in table {
            let mut request = patch().body(body);
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let answer = app.sheriff().send(request).await;
            assert_eq!(answer.status, status, "{detail}");
            assert_eq!(answer.json()["detail"], detail);
        }
    }
}

#[actix_web::test]
async fn names_beyond_the_limits_are_400_and_existing_trees_stay() {
    for app in apps().await {
        app.tree("a").await;
        let make = |name: &str| json!({"tree": name, "status": "open", "reason": "", "message_of_the_day": ""});
        let again = app.admin().json("PUT", "/trees/a", &make("a")).await;
        assert_eq!(
            (again.status, &again.json()["detail"]),
            (400, &json!("tree already exists"))
        );
        let other = app.admin().json("PUT", "/trees/b", &make("c")).await;
        assert_eq!(
            (other.status, &other.json()["detail"]),
            (400, &json!("Tree names must match"))
        );
        let long = "x".repeat(33);
        let long = app
            .admin()
            .json("PUT", &format!("/trees/{long}"), &make(&long))
            .await;
        assert_eq!(long.status, 400);
        assert_eq!(
            long.json()["detail"],
            "tree name must be at most 32 characters long"
        );
    }
}

#[actix_web::test]
async fn what_is_too_long_is_400_and_names_its_member_and_the_limit() {
    for app in apps().await {
        app.tree("a").await;
        let (text, tag) = ("ü".repeat(10_000), "ü".repeat(200));
        let fits = json!({
            "trees": ["a"], "status": "closed", "reason": text, "message_of_the_day": text,
            "tags": vec![tag.clone(); 50],
        });
        assert_eq!(app.update(fits.clone()).await.status, 204);
        let before = app.result("/trees/a").await;
        assert_eq!(before["reason"], text);
        let (text, tag) = (format!("{text}x"), format!("{tag}x"));
        let table = [
            (
                "reason",
                json!(text),
                "reason must be at most 10000 characters long",
            ),
            (
                "message_of_the_day",
                json!(text),
                "message_of_the_day must be at most 10000 characters long",
            ),
            ("tags", json!(vec!["x"; 51]), "tags must be at most 50"),
            (
                "tags",
                json!(["", tag]),
                "tags.1 must be at most 200 characters long",
            ),
            (
                "trees",
                json!(["a", "x".repeat(33)]),
                "trees: the name of a tree must be at most 32 characters long",
            ),
        ];
        let id = &before["log_id"];
        let empty = json!({"tree": "b", "status": "open", "reason": "", "message_of_the_day": ""});
        for (member, value, detail) in table {
            let mut body = fits.clone();
            body[member] = value.clone();
            let mut answers = vec![app.update(body).await];
            if ["reason", "tags"].contains(&member) {
                let (path, body) = (format!("/log/{id}"), json!({member: value}));
                answers.push(app.sheriff().json("PATCH", &path, &body).await);
            }
            if empty[member].is_string() {
                let mut body = empty.clone();
                body[member] = value;
                answers.push(app.admin().json("PUT", "/trees/b", &body).await);
            }
            for answer in answers {
                assert_eq!(
                    (answer.status, &answer.json()["detail"]),
                    (400, &json!(detail))
                );
            }
        }
        assert_eq!(app.result("/trees/a").await, before);
        assert_eq!(app.result("/trees").await.as_object().unwrap().len(), 1);
    }
}

#[actix_web::test]
async fn strange_paths_and_numbers_are_404_or_400_never_500() {
    for app in apps().await {
        let table = [
            ("DELETE", "/stack/99999999999999999999", 404),
            ("DELETE", "/stack/2147483648", 404),
            ("DELETE", "/stack/x", 404),
            ("DELETE", "/stack/1?revert=2", 400),
            ("DELETE", "/stack/1?revert=x", 400),
            ("GET", "/trees/%ff%fe", 404),
            ("GET", "/trees/%00", 404),
            ("GET", "/trees/", 404),
            ("GET", "/trees/a/", 404),
            ("GET", "/trees/a/logs?all=x", 400),
            ("POST", "/trees", 405),
        ];
        for (method, path, status) in table {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = app
                .sheriff()
                .send(app.sheriff().request(method, path))
                .await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            assert_eq!(answer.json()["status"], status);
        }
    }
}

#[actix_web::test]
async fn a_wrong_method_names_the_right_ones() {
    for app in apps().await {
        let answer = app.anonymous().json("POST", "/trees", &json!({})).await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS, PATCH");
        assert_eq!(
            answer.json()["detail"],
            "The method is not allowed for the requested URL."
        );
        let options = app
            .anonymous()
            .send(app.anonymous().request(Method::OPTIONS, "/trees"))
            .await;
        assert_eq!(
            (options.status, options.header("allow")),
            (200, "GET, HEAD, OPTIONS, PATCH")
        );
    }
}
