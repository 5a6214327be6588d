// SPDX-License-Identifier: MPL-2.0
//! Handing a mail to the SMTP server: one transaction with all recipients. The conversation is
//! held here because the library's own ends at the first recipient that is refused, which would
//! keep the mail from the others too.

use std::{error::Error as _, time::Duration};

use lettre::{
    Address, Message,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        self,
        client::AsyncSmtpConnection,
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::{ClientId, Extension, MailBodyParameter, MailParameter},
    },
};

use crate::{config::Smtp, mail::Mail};

/// Hands over mails.
pub struct Sender {
    server: String,
    port: u16,
    from: Mailbox,
    timeout: Duration,
}

/// What the server says about a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has the mail.
    Taken,
    /// The server will never take it.
    Refused(String),
    /// The server may take it later.
    Later(String),
}

/// There was no server, or it broke off, or it is too slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached(pub String);

/// What became of a mail, for each recipient.
pub type Answers = Vec<(String, Outcome)>;

/// What a conversation has brought.
struct Heard {
    answers: Answers,
    /// Those that were accepted, and then the text was refused.
    refused_together: Vec<String>,
}

impl Sender {
    /// Returns a sender for a server.
    pub fn new(smtp: &Smtp) -> Self {
        Self {
            server: smtp.server.clone(),
            port: smtp.port,
            from: smtp.from.clone(),
            timeout: smtp.timeout,
        }
    }

    /// Hands a mail over for these recipients.
    ///
    /// # Errors
    /// The server could not be asked, or nobody knows what it has done.
    pub async fn send(&self, mail: &Mail, recipients: &[String]) -> Result<Answers, Unreached> {
        let message = match self.message(mail) {
            Ok(message) => message,
            Err(reason) => return Ok(all(recipients, &Outcome::Refused(reason))),
        };
        let mut heard = self.converse(&message, recipients).await?;
        // One answer for several recipients may mean one of them: each is asked for alone.
        for recipient in std::mem::take(&mut heard.refused_together) {
            match self
                .converse(&message, std::slice::from_ref(&recipient))
                .await
            {
                Ok(alone) => heard.answers.extend(alone.answers),
                Err(Unreached(reason)) => heard.answers.push((recipient, Outcome::Later(reason))),
            }
        }
        Ok(heard.answers)
    }

    async fn converse(&self, message: &[u8], recipients: &[String]) -> Result<Heard, Unreached> {
        let conversation = async {
            let mut connection = self.connect().await?;
            let heard = self.transact(&mut connection, message, recipients).await?;
            // Whatever it says to that, it has answered.
            let _ = connection.quit().await;
            Ok(heard)
        };
        // The library's time-out is for each read and write; a server that sends a byte now and
        // then would keep this program for ever.
        let heard = tokio::time::timeout(self.timeout, conversation).await;
        heard.unwrap_or_else(|_| {
            let seconds = self.timeout.as_secs();
            let reason = format!("the server took more than {seconds} seconds");
            Err(Unreached(reason))
        })
    }

    /// A host that greets with 5xx has no mail service, or none for us: the administrators'
    /// affair, and nothing that the mail or its recipients could be blamed for.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Unreached> {
        let server = (self.server.as_str(), self.port);
        let hello = ClientId::default();
        let timeout = Some(self.timeout);
        AsyncSmtpConnection::connect_tokio1(server, timeout, &hello, None, None)
            .await
            .map_err(|error| Unreached(reason(&error)))
    }

    /// Offers the mail for all recipients; it goes to those that the server accepts.
    async fn transact(
        &self,
        connection: &mut AsyncSmtpConnection,
        message: &[u8],
        recipients: &[String],
    ) -> Result<Heard, Unreached> {
        let has_utf8 = connection
            .server_info()
            .supports_feature(Extension::SmtpUtfEight);
        let (addresses, answers) = addresses(recipients, has_utf8);
        let mut heard = Heard {
            answers,
            refused_together: Vec::new(),
        };
        if addresses.is_empty() {
            return Ok(heard);
        }
        let from = MailFrom::new(
            Some(self.from.email.clone()),
            parameters(&addresses, message),
        );
        if let Err(outcome) = settled(connection.command(from).await)? {
            let refused = addresses.into_iter().map(|(to, _)| (to, outcome.clone()));
            heard.answers.extend(refused);
            return Ok(heard);
        }
        let mut accepted = Vec::new();
        for (recipient, address) in addresses {
            let to = Rcpt::new(address, Vec::new());
            match settled(connection.command(to).await)? {
                Ok(()) => accepted.push(recipient),
                Err(outcome) => heard.answers.push((recipient, outcome)),
            }
        }
        if accepted.is_empty() {
            return Ok(heard);
        }
        match content(connection, message).await? {
            Outcome::Refused(_) if accepted.len() > 1 => heard.refused_together = accepted,
            outcome => heard.answers.extend(all(&accepted, &outcome)),
        }
        Ok(heard)
    }

    fn message(&self, mail: &Mail) -> Result<Vec<u8>, String> {
        // Nobody's out-of-office reply shall come back.
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(&mail.subject)
            .date(mail.written())
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN);
        for recipient in &mail.to {
            builder = builder.to(mailbox(recipient)?);
        }
        let message = builder.body(mail.body.clone());
        Ok(message.map_err(|error| error.to_string())?.formatted())
    }
}

/// Splits the recipients into those that can be offered and those that need not be.
fn addresses(recipients: &[String], has_utf8: bool) -> (Vec<(String, Address)>, Answers) {
    let (mut addresses, mut answers) = (Vec::new(), Vec::new());
    for recipient in recipients {
        let refused = match mailbox(recipient) {
            Ok(mailbox) if is_ascii(&mailbox.email) || has_utf8 => {
                addresses.push((recipient.clone(), mailbox.email));
                continue;
            }
            Ok(_) => "the server has no letters beyond ASCII (SMTPUTF8)".to_owned(),
            Err(reason) => reason,
        };
        answers.push((recipient.clone(), Outcome::Refused(refused)));
    }
    (addresses, answers)
}

fn parameters(addresses: &[(String, Address)], message: &[u8]) -> Vec<MailParameter> {
    let mut parameters = Vec::new();
    if addresses.iter().any(|(_, address)| !is_ascii(address)) {
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    parameters
}

fn is_ascii(address: &Address) -> bool {
    AsRef::<str>::as_ref(address).is_ascii()
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|error: lettre::address::AddressError| error.to_string())
}

async fn content(
    connection: &mut AsyncSmtpConnection,
    message: &[u8],
) -> Result<Outcome, Unreached> {
    if let Err(outcome) = settled(connection.command(Data).await)? {
        return Ok(outcome);
    }
    let taken = settled(connection.message(message).await)?;
    Ok(taken.err().unwrap_or(Outcome::Taken))
}

/// Tells an answer, good or bad, from none.
fn settled<T>(answer: Result<T, smtp::Error>) -> Result<Result<(), Outcome>, Unreached> {
    match answer {
        Ok(_) => Ok(Ok(())),
        Err(error) if error.is_permanent() => Ok(Err(Outcome::Refused(reason(&error)))),
        Err(error) if error.is_transient() => Ok(Err(Outcome::Later(reason(&error)))),
        Err(error) => Err(Unreached(reason(&error))),
    }
}

fn all(recipients: &[String], outcome: &Outcome) -> Answers {
    let pair = |to: &String| (to.clone(), outcome.clone());
    recipients.iter().map(pair).collect()
}

fn reason(error: &smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
