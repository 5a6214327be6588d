// SPDX-License-Identifier: MPL-2.0
//! `fetch`: turns a manifest back into files.

mod attempt;
mod cache;
mod download;
mod partial;
mod setup;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::task::JoinSet;

pub use self::cache::Cache;
use crate::{
    log::Log,
    manifest::Manifest,
    record::{Expected, FileState, Record},
    server_urls::ServerUrl,
    temporary,
    transport::Transport,
    unpack,
};

/// What to fetch, from where, to where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the files belong into.
    pub folder: PathBuf,
    /// The file that the manifest was read from: no record may put another in its place.
    pub manifest: PathBuf,
    /// Names of the wanted files; empty means all of the manifest.
    pub names: Vec<String>,
    /// The servers, asked in this order.
    pub servers: Vec<ServerUrl>,
    /// The region to prefer.
    pub region: Option<String>,
    /// The cache of downloaded files.
    pub cache: Option<Cache>,
    /// Downloads at a time.
    pub jobs: usize,
    /// The longest file that is accepted for a record without a size.
    pub unsized_limit_bytes: u64,
    /// How archives are unpacked.
    pub unpack: unpack::Options,
    /// Whether the programs that records name are run, and how long each may take.
    pub setup: Option<Duration>,
}

/// The manifest cannot be fetched as it stands; nothing was touched. One sentence per record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct BadRecords(pub Vec<String>);

struct Context {
    options: Options,
    transport: Transport,
    log: Log,
}

#[derive(Debug, Clone)]
struct Wanted {
    record: Record,
    expected: Expected,
}

/// Brings the wanted files in place and unpacks them. Returns the names that failed, in the order
/// of the manifest.
///
/// # Errors
/// A wanted record cannot be checked (digest, algorithm) or contradicts another one.
pub async fn fetch(
    manifest: &Manifest,
    mut options: Options,
    transport: Transport,
    log: Log,
) -> Result<Vec<String>, BadRecords> {
    let wanted = select(manifest, &options)?;
    let folder = &options.folder;
    let files = manifest.records().map(|r| folder.join(&r.filename));
    options.unpack.kept = files.chain([options.manifest.clone()]).collect();
    let context = Arc::new(Context {
        options,
        transport,
        log,
    });
    context.warn_of_setup(&wanted);
    context.tidy();
    context.begin_progress(&wanted);
    let obtain = |wanted: &Wanted| {
        let (context, wanted) = (Arc::clone(&context), wanted.clone());
        async move { context.obtain(&wanted).await }
    };
    let mut failed = each(&wanted, context.options.jobs, &context.log, obtain).await;
    for wanted in wanted.iter().filter(|wanted| wanted.record.unpack) {
        let name = &wanted.record.filename;
        if !failed.contains(name) && !context.unpack(wanted).await {
            failed.insert(name.clone());
        }
    }
    Ok(wanted
        .into_iter()
        .map(|wanted| wanted.record.filename)
        .filter(|name| failed.contains(name))
        .collect())
}

/// Everything that can be known to be wrong without the network is found out here.
fn select(manifest: &Manifest, options: &Options) -> Result<Vec<Wanted>, BadRecords> {
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut positions = BTreeMap::new();
    let mut problems = Vec::new();
    for record in manifest.records() {
        let name = &record.filename;
        if !options.names.is_empty() && !options.names.contains(name) {
            continue;
        }
        if options.setup.is_some() && record.setup.is_some() && !record.unpack {
            problems.push(format!("record '{name}' has setup but not unpack"));
        }
        if is_same_file(&options.folder.join(name), &options.manifest) {
            problems.push(format!("record '{name}' is the manifest itself"));
            continue;
        }
        match record.expected() {
            Err(rule) => problems.push(format!("record '{name}': {rule}")),
            Ok(expected) => match positions.insert(name.clone(), record.clone()) {
                None => wanted.push(Wanted {
                    record: record.clone(),
                    expected,
                }),
                Some(other) if other.same_contents(record) => {}
                Some(_) => {
                    problems.push(format!("manifest has two different files named '{name}'"))
                }
            },
        }
    }
    if problems.is_empty() {
        Ok(wanted)
    } else {
        Err(BadRecords(problems))
    }
}

/// Returns whether both names lead to one file that is there.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().ok();
    whole(one).is_some_and(|one| Some(one) == whole(other))
}

/// Works on so many files at a time, and returns the names of those that failed. Work that breaks
/// down fails its own file and no other.
async fn each<W>(
    wanted: &[Wanted],
    jobs: usize,
    log: &Log,
    work: impl Fn(&Wanted) -> W,
) -> BTreeSet<String>
where
    W: Future<Output = Result<(), String>> + Send + 'static,
{
    let mut failed = BTreeSet::new();
    let mut waiting = wanted.iter();
    let mut running = JoinSet::new();
    let mut names = HashMap::new();
    loop {
        while running.len() < jobs.max(1)
            && let Some(wanted) = waiting.next()
        {
            let task = running.spawn(work(wanted));
            names.insert(task.id(), wanted.record.filename.clone());
        }
        let (id, reason) = match running.join_next_with_id().await {
            None => return failed,
            Some(Ok((_, Ok(())))) => continue,
            Some(Ok((id, Err(reason)))) => (id, reason),
            Some(Err(error)) => (error.id(), format!("the download ended: {error}")),
        };
        let name = names.remove(&id).unwrap_or_default();
        log.error(format_args!("'{name}': {reason}"));
        failed.insert(name);
    }
}

impl Context {
    fn warn_of_setup(&self, wanted: &[Wanted]) {
        for record in wanted.iter().map(|wanted| &wanted.record) {
            if record.setup.is_some() && self.options.setup.is_none() {
                self.log.warning(format_args!(
                    "setup of '{}' is ignored: running it needs --allow-setup",
                    record.filename
                ));
            }
        }
    }

    fn begin_progress(&self, wanted: &[Wanted]) {
        let files = u64::try_from(wanted.len()).unwrap_or(u64::MAX);
        let sizes = wanted.iter().filter_map(|wanted| wanted.expected.size);
        let total = sizes.fold(0_u64, u64::saturating_add);
        self.log.progress().begin(files, total);
    }

    fn tidy(&self) {
        temporary::tidy(&self.options.folder, &self.log);
        if let Some(cache) = &self.options.cache {
            cache.tidy(&self.log);
        }
    }

    /// Makes the file of a record be there: already, from the cache, or from a server.
    async fn obtain(self: &Arc<Self>, wanted: &Wanted) -> Result<(), String> {
        let name = &wanted.record.filename;
        let target = self.options.folder.join(name);
        let size_bytes = wanted.expected.size.unwrap_or(0);
        let (record, folder) = (wanted.record.clone(), self.options.folder.clone());
        match blocking(move || record.state_in(&folder)).await? {
            FileState::Valid => {
                self.log.info(format_args!("'{name}' is already here"));
                self.log.progress().skip(size_bytes);
                return Ok(());
            }
            FileState::Invalid(reason) => {
                self.log
                    .warning(format_args!("'{name}' is invalid, removing it: {reason}"));
                fs::remove_file(&target)
                    .map_err(|error| format!("cannot remove the invalid file: {error}"))?;
            }
            FileState::Absent => {}
        }
        if self.restore(wanted, &target).await? {
            self.log.progress().skip(size_bytes);
            return Ok(());
        }
        self.download(wanted, &target).await?;
        self.remember(wanted, &target).await
    }

    async fn restore(self: &Arc<Self>, wanted: &Wanted, target: &Path) -> Result<bool, String> {
        if self.options.cache.is_none() {
            return Ok(false);
        }
        let (this, wanted, target) = (Arc::clone(self), wanted.clone(), target.to_owned());
        blocking(move || {
            let name = &wanted.record.filename;
            let cache = this.options.cache.as_ref();
            let restored = cache.map(|cache| cache.restore(&wanted.expected, &target, &this.log));
            if restored == Some(true) {
                this.log.info(format_args!("'{name}' comes from the cache"));
            }
            restored == Some(true)
        })
        .await
    }

    /// Failing to write the cache is no failure of the fetch.
    async fn remember(self: &Arc<Self>, wanted: &Wanted, target: &Path) -> Result<(), String> {
        let Some(cache) = self.options.cache.clone() else {
            return Ok(());
        };
        let (digest, target) = (wanted.expected.digest, target.to_owned());
        if let Err(error) = blocking(move || cache.store(&digest, &target)).await? {
            self.log.warning(format_args!(
                "cannot put '{}' into the cache: {error}",
                wanted.record.filename
            ));
        }
        Ok(())
    }

    /// Unpacks one archive and runs its program; returns whether that worked.
    async fn unpack(self: &Arc<Self>, wanted: &Wanted) -> bool {
        let (this, record) = (Arc::clone(self), wanted.record.clone());
        let outcome = blocking(move || {
            let options = &this.options;
            let _busy = this.log.progress().busy(&record.filename, "is unpacked");
            this.log
                .info(format_args!("unpacking '{}'", record.filename));
            unpack::unpack(
                &options.folder,
                &record.filename,
                &options.unpack,
                &this.log,
            )
            .map_err(|error| error.to_string())?;
            match (&record.setup, options.setup) {
                (Some(setup), Some(limit)) => {
                    setup::run(&options.folder, &record.filename, setup, limit)
                }
                _ => Ok(()),
            }
        });
        match outcome.await.and_then(|inner| inner) {
            Ok(()) => true,
            Err(reason) => {
                self.log.error(reason);
                false
            }
        }
    }
}

/// Runs file and hashing work where it does not hold up the downloads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| format!("internal error: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{digest::Sha512, log::Level};

    fn wanted(name: &str) -> Wanted {
        let (digest, size) = Sha512::of_reader(&mut name.as_bytes()).unwrap();
        let text = format!(
            r#"[{{"filename": "{name}", "size": {size}, "digest": "{digest}", "algorithm": "sha512"}}]"#
        );
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        let record = manifest.records().next().unwrap().clone();
        let expected = record.expected().unwrap();
        Wanted { record, expected }
    }

    #[tokio::test]
    async fn work_that_panics_or_is_cancelled_fails_its_file_and_no_other() {
        let files = ["good", "panics", "refuses", "better"].map(wanted);
        for jobs in [0, 1, 4] {
            let log = Log::memory(Level::Info);
            let work = |wanted: &Wanted| {
                let name = wanted.record.filename.clone();
                async move {
                    match name.as_str() {
                        "panics" => panic!("a mistake in the program"),
                        "refuses" => Err("no server has it".to_owned()),
                        _ => Ok(()),
                    }
                }
            };
            let failed = each(&files, jobs, &log, work).await;
            assert_eq!(
                failed.into_iter().collect::<Vec<_>>(),
                ["panics", "refuses"]
            );
            let lines = log.lines();
            assert_eq!(lines.len(), 2, "{lines:?}");
            let has = |text: &str| lines.iter().any(|line| line.contains(text));
            assert!(has("'refuses': no server has it"), "{lines:?}");
            assert!(has("'panics': the download ended: "), "{lines:?}");
        }
    }
}
