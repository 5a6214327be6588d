// SPDX-License-Identifier: MPL-2.0
//! A wire to PostgreSQL that a test cuts, mutes and mends, while the server goes on with its data.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub struct Wire {
    address: SocketAddr,
    target: String,
    url: String,
    is_mute: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Wire {
    /// Opens a wire to the server of a `postgres://` URL.
    pub async fn to(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let target = match host.rsplit_once(':') {
            Some(_) => host.to_owned(),
            None => format!("{host}:5432"),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let at = if user.is_empty() { "" } else { "@" };
        let mut wire = Self {
            address,
            target,
            url: format!("{scheme}://{user}{at}{address}/{path}"),
            is_mute: watch::Sender::new(false),
            task: None,
        };
        wire.forward(listener);
        wire
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes all connections and the port: the server is down.
    pub async fn cut(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// Swallows everything from now on: the server is behind a dead network.
    pub fn mute(&self) {
        self.is_mute.send_replace(true);
    }

    pub async fn mend(&mut self) {
        self.is_mute.send_replace(false);
        if self.task.is_none() {
            let listener = TcpListener::bind(self.address).await.unwrap();
            self.forward(listener);
        }
    }

    fn forward(&mut self, listener: TcpListener) {
        let (target, is_mute) = (self.target.clone(), self.is_mute.subscribe());
        self.task = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(connection(client, target.clone(), is_mute.clone()));
            }
        }));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Forwards until the wire is mute, then holds both ends until it speaks again. What was under way is
/// lost then, so the connection ends.
async fn connection(mut client: TcpStream, target: String, mut is_mute: watch::Receiver<bool>) {
    if !*is_mute.borrow() {
        let Ok(mut server) = TcpStream::connect(target).await else {
            return;
        };
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
            _ = is_mute.wait_for(|mute| *mute) => {}
        }
        let _ = is_mute.wait_for(|mute| !*mute).await;
        return;
    }
    let _ = is_mute.wait_for(|mute| !*mute).await;
}
