// SPDX-License-Identifier: MPL-2.0
//! A headless browser, driven through WebDriver. Each value is a browser of its own with an empty
//! profile, and reaches nothing but this machine.

use std::time::Duration;

use serde_json::{Value, json};

use crate::poll::{block_on, eventually};
use crate::requirement::requires;
use crate::temp::{self, TempDir};

/// Longest time that a page may take to show what a test waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The name under which WebDriver hands elements over.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window of a browser. It is closed when the value is dropped.
pub struct Browser {
    session: String,
    http: reqwest::Client,
    downloads: TempDir,
}

impl Browser {
    /// Opens a window of this size in CSS pixels, or returns `None` after saying once that there is
    /// no browser.
    ///
    /// # Panics
    /// When the driver opens no window, and as [`requires`] does.
    pub async fn open(width: u32, height: u32) -> Option<Self> {
        let driver = requires("chromium")?;
        let (http, downloads) = (client(), temp::dir());
        let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            format!("--window-size={width},{height}"),
        ], "prefs": {
            "download.default_directory": downloads.path(),
            "download.prompt_for_download": false,
        }}}}});
        let opened = send(http.post(format!("{driver}/session")).json(&wanted)).await;
        let id = text(&opened, "sessionId");
        assert!(!id.is_empty(), "no window: {opened}");
        Some(Self {
            session: format!("{driver}/session/{id}"),
            http,
            downloads,
        })
    }

    /// Opens an address and waits until the page and its scripts are loaded.
    pub async fn go(&self, url: &str) {
        self.post("url", &json!({"url": url})).await;
    }

    /// Signs in as one of the people of the stand-in of Taskcluster, with the button `#sign-in`, and
    /// waits until a page whose address holds `back` shows the person.
    pub async fn sign_in(&self, person: &str, back: &str) {
        self.click("#sign-in").await;
        self.arrives("/login/oauth/authorize").await;
        let hint = person.replace('/', "%2F");
        self.click(&format!("a[href*='login_hint={hint}']")).await;
        self.arrives(back).await;
        self.shows("#who", person).await;
    }

    /// Returns the address of the page.
    pub async fn address(&self) -> String {
        self.read("url").await
    }

    /// Waits until the address contains a text.
    pub async fn arrives(&self, part: &str) {
        eventually(PATIENCE, || async {
            self.address().await.contains(part).then_some(())
        })
        .await;
    }

    /// Returns the text that people see of the first element that fits, `None` when none fits.
    pub async fn text(&self, selector: &str) -> Option<String> {
        let element = self.find(selector).await?;
        Some(self.read(&format!("element/{element}/text")).await)
    }

    /// Waits until an element shows a text.
    pub async fn shows(&self, selector: &str, part: &str) {
        eventually(PATIENCE, || async {
            let text = self.text(selector).await?;
            text.contains(part).then_some(())
        })
        .await;
    }

    /// Returns whether people see the first element that fits.
    pub async fn sees(&self, selector: &str) -> bool {
        match self.find(selector).await {
            Some(element) => {
                let path = format!("{}/element/{element}/displayed", self.session);
                send(self.http.get(path)).await == json!(true)
            }
            None => false,
        }
    }

    /// Waits until an element can be seen, and clicks on it. One that the page exchanges meanwhile is
    /// looked for again.
    pub async fn click(&self, selector: &str) {
        eventually(PATIENCE, || async {
            if !self.sees(selector).await {
                return None;
            }
            let element = self.find(selector).await?;
            let path = format!("{}/element/{element}/click", self.session);
            attempt(self.http.post(path).json(&json!({}))).await
        })
        .await;
    }

    /// Waits until a file was downloaded under this name, and returns its bytes.
    pub async fn downloaded(&self, name: &str) -> Vec<u8> {
        let path = self.downloads.path().join(name);
        // The browser gives the name when the file is whole.
        eventually(PATIENCE, || async { std::fs::read(&path).ok() }).await
    }

    /// Returns what a function body in JavaScript returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []}))
            .await
    }

    async fn find(&self, selector: &str) -> Option<String> {
        let by = json!({"using": "css selector", "value": selector});
        let found = self.post("elements", &by).await;
        let element = found.get(0)?.get(ELEMENT)?;
        element.as_str().map(str::to_owned)
    }

    async fn read(&self, path: &str) -> String {
        let value = send(self.http.get(format!("{}/{path}", self.session))).await;
        value.as_str().unwrap_or_default().to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        send(
            self.http
                .post(format!("{}/{path}", self.session))
                .json(body),
        )
        .await
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let session = self.session.clone();
        // A thread of its own: this one may belong to an event loop that must not wait.
        let closing = std::thread::spawn(move || {
            block_on(async {
                // A driver that is gone has closed its windows.
                let _ = client().delete(session).send().await;
            });
        });
        let _ = closing.join();
    }
}

fn client() -> reqwest::Client {
    let built = reqwest::Client::builder()
        .timeout(PATIENCE)
        .no_proxy()
        .build();
    built.unwrap_or_else(|e| panic!("no client for the browser: {e}"))
}

/// Sends a command and returns the value of the answer, null when [`attempt`] has none.
async fn send(request: reqwest::RequestBuilder) -> Value {
    attempt(request).await.unwrap_or_default()
}

/// Sends a command and returns the value of the answer, `None` when the page changed meanwhile: that
/// makes commands about its elements fail.
async fn attempt(request: reqwest::RequestBuilder) -> Option<Value> {
    let answer = request
        .send()
        .await
        .unwrap_or_else(|e| panic!("the browser's driver does not answer: {e}"));
    let body: Value = answer
        .json()
        .await
        .unwrap_or_else(|e| panic!("the browser's driver talks nonsense: {e}"));
    let value = body.get("value").cloned().unwrap_or_default();
    let message = text(&value, "message");
    match text(&value, "error") {
        "" => Some(value),
        "stale element reference" | "no such element" | "detached shadow root" => None,
        // Another name of the driver for the first of them, and an element below another one.
        "unknown error" if message.contains("does not belong to the document") => None,
        "element click intercepted" => None,
        _ => panic!("the browser refuses: {message}"),
    }
}

/// Returns a member that is a text, or the empty text.
fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
