// SPDX-License-Identifier: MPL-2.0
//! A wire to a server that a test can cut and mend, while the server goes on with its data.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

pub struct Forwarder {
    address: SocketAddr,
    target: String,
    url: Url,
    task: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Opens a wire to the server of a `redis://` URL.
    pub async fn to(url: &str) -> Self {
        let mut url = Url::parse(url).unwrap();
        let target = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(6379));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(address.port())).unwrap();
        let task = Some(tokio::spawn(forward(listener, target.clone())));
        Self {
            address,
            target,
            url,
            task,
        }
    }

    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Closes all connections and the port.
    pub async fn cut(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    pub async fn mend(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.task = Some(tokio::spawn(forward(listener, self.target.clone())));
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn forward(listener: TcpListener, target: String) {
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        let target = target.clone();
        connections.spawn(async move {
            let mut server = TcpStream::connect(target).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}
