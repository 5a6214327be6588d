// SPDX-License-Identifier: MPL-2.0
//! What uploads change, told by the records that they make of their files. A record is made before its
//! file is put and completed afterwards, so that every process which reads the records knows of every
//! change, of its own and of others, also when the one that made it ended half way: between the two
//! the store has the old file or the new one, and what was read of it is not believed for long.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use releng_symbols::ModuleKey;

/// Time between two looks at the records (D-54).
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For how long a record that is not completed is in doubt. A put that hangs ends before that.
const DOUBT_FOR: Duration = Duration::from_secs(3600);
/// Records that are looked at again: their numbers are given in one order and seen in another.
const SLACK: i32 = 1000;
/// Modules whose last change is remembered.
const MAX_CHANGED: usize = 100_000;

/// What one record of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRecord {
    /// Its number.
    pub id: i32,
    /// The key of the object.
    pub key: String,
    /// Code file and id that the file names, when it names both.
    pub code: Option<(String, String)>,
    /// Whether the file is stored.
    pub is_complete: bool,
}

/// What is asked of the records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Those with larger numbers; nothing: the newest ones.
    pub after: Option<i32>,
    /// These as well.
    pub also: Vec<i32>,
}

/// What is known of uploads.
#[derive(Debug, Default)]
pub struct News {
    turn: tokio::sync::Mutex<Known>,
    looked_at: Mutex<Option<Instant>>,
    told: RwLock<Told>,
}

/// What was read so far.
#[derive(Debug, Default)]
pub struct Known {
    last: Option<i32>,
    recent: BTreeSet<i32>,
    open: BTreeMap<i32, (FileRecord, Instant)>,
}

/// The right to look, which one at a time has.
pub type Turn<'a> = tokio::sync::MutexGuard<'a, Known>;

/// What the holders of modules are told.
#[derive(Debug, Default)]
struct Told {
    /// Changes so far.
    count: u64,
    /// The number of the last change of each module …
    changed: HashMap<ModuleKey, u64>,
    /// … as far as it is larger than this.
    floor: u64,
    doubtful: HashSet<ModuleKey>,
    doubtful_files: HashSet<String>,
    /// The records cannot be read: everything is in doubt.
    is_blind: bool,
}

impl News {
    /// Returns the turn to look, when it is time. Who comes while another one looks waits for that.
    pub async fn turn(&self) -> Option<Turn<'_>> {
        if !self.is_due() {
            return None;
        }
        let turn = self.turn.lock().await;
        self.is_due().then_some(turn)
    }

    /// Makes the next one look, however short ago the last look was.
    pub fn hurry(&self) {
        *self.looked_at() = None;
    }

    /// Notes what a look gave, and when it began; nothing: it failed. Returns the files that changed.
    pub fn note(
        &self,
        known: &mut Known,
        records: Option<Vec<FileRecord>>,
        began: Instant,
    ) -> Vec<FileRecord> {
        let is_blind = records.is_none();
        let changed = known.learn(records.unwrap_or_default(), began);
        let mut told = self.told.write().unwrap_or_else(PoisonError::into_inner);
        if is_blind != told.is_blind {
            tracing::warn!(is_blind, "records of uploads: whether they cannot be read");
        }
        told.is_blind = is_blind;
        for key in changed.iter().filter_map(FileRecord::module) {
            told.note_change(&key);
        }
        let open = || known.open.values().map(|(record, _)| record);
        told.doubtful = open().filter_map(FileRecord::module).collect();
        told.doubtful_files = open().map(|record| record.key.clone()).collect();
        drop(told);
        *self.looked_at() = Some(began);
        changed
    }

    /// Returns the number of changes so far, for what is read from now on.
    pub fn count(&self) -> u64 {
        self.told().count
    }

    /// Tells whether the records cannot be read.
    pub fn is_blind(&self) -> bool {
        self.told().is_blind
    }

    /// Tells whether an upload of an object is not known to have ended.
    pub fn is_doubtful(&self, key: &str) -> bool {
        self.told().doubtful_files.contains(key)
    }

    /// Tells whether what was read of a module after so many changes, and so long ago, can be used.
    pub fn is_current(&self, key: &ModuleKey, count: u64, age: Duration) -> bool {
        let told = self.told();
        let is_doubtful = told.is_blind || told.doubtful.contains(key);
        let is_changed = told.floor > count || told.changed.get(key).is_some_and(|at| *at > count);
        !is_changed && (!is_doubtful || age < LOOK_EVERY)
    }

    fn is_due(&self) -> bool {
        self.looked_at().is_none_or(|at| at.elapsed() >= LOOK_EVERY)
    }

    fn looked_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> RwLockReadGuard<'_, Told> {
        self.told.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn note_change(&mut self, key: &ModuleKey) {
        if self.changed.len() >= MAX_CHANGED {
            self.changed.clear();
            self.floor = self.count;
        }
        self.count += 1;
        self.changed.insert(key.clone(), self.count);
    }
}

impl Known {
    /// Returns what to ask for.
    pub fn question(&self) -> Question {
        Question {
            after: self.last.map(|last| last.saturating_sub(SLACK)),
            also: self.open.keys().copied().collect(),
        }
    }

    fn learn(&mut self, records: Vec<FileRecord>, now: Instant) -> Vec<FileRecord> {
        let mut changed = Vec::new();
        for record in records {
            self.last = self.last.max(Some(record.id));
            let is_new = self.recent.insert(record.id);
            let was_open = self.open.contains_key(&record.id);
            if record.is_complete {
                if self.open.remove(&record.id).is_some() || is_new {
                    changed.push(record);
                }
            } else if is_new && !was_open {
                self.open.insert(record.id, (record.clone(), now));
                changed.push(record);
            }
        }
        let oldest = self.last.unwrap_or_default().saturating_sub(SLACK);
        self.recent = self.recent.split_off(&oldest);
        // What was read while they were in doubt may be older than the put.
        let is_over = |since: Instant| now.duration_since(since) >= DOUBT_FOR;
        let over = self.open.extract_if(.., |_, (_, since)| is_over(*since));
        changed.extend(over.map(|(_, (record, _))| record));
        changed
    }
}

impl FileRecord {
    /// Returns the module of the object, whatever stands before it in the key.
    pub fn module(&self) -> Option<ModuleKey> {
        let mut segments = self.key.rsplit('/');
        let (_file, id, name) = (segments.next()?, segments.next()?, segments.next()?);
        ModuleKey::parse(name, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: i32, name: &str, is_complete: bool) -> FileRecord {
        let key = format!("some/prefix/v1/{name}/AB/{name}.sym");
        FileRecord {
            id,
            key,
            code: None,
            is_complete,
        }
    }

    fn key(name: &str) -> ModuleKey {
        ModuleKey::parse(name, "AB").unwrap()
    }

    const OLD: Duration = Duration::from_secs(10);

    async fn note(news: &News, records: Option<Vec<FileRecord>>) -> Vec<ModuleKey> {
        note_at(news, records, Instant::now()).await
    }

    async fn note_at(
        news: &News,
        records: Option<Vec<FileRecord>>,
        now: Instant,
    ) -> Vec<ModuleKey> {
        news.hurry();
        let mut turn = news.turn().await.unwrap();
        let changed = news.note(&mut turn, records, now);
        changed.iter().filter_map(FileRecord::module).collect()
    }

    #[tokio::test]
    async fn a_module_is_in_doubt_until_its_upload_is_complete_and_changed_then() {
        let news = News::default();
        let before = news.count();
        assert_eq!(
            note(&news, Some(vec![record(5, "a", false)])).await,
            [key("a")]
        );
        assert!(!news.is_current(&key("a"), before, Duration::ZERO));
        assert!(news.is_current(&key("b"), before, OLD));
        let during = news.count();
        assert!(news.is_current(&key("a"), during, Duration::ZERO));
        assert!(!news.is_current(&key("a"), during, OLD));
        // Nothing new of it, seen again.
        assert_eq!(note(&news, Some(vec![record(5, "a", false)])).await, []);
        assert_eq!(
            note(&news, Some(vec![record(5, "a", true)])).await,
            [key("a")]
        );
        assert!(!news.is_current(&key("a"), during, Duration::ZERO));
        assert!(news.is_current(&key("a"), news.count(), OLD));
        assert_eq!(note(&news, Some(vec![record(5, "a", true)])).await, []);
    }

    #[tokio::test]
    async fn what_was_read_in_doubt_is_forgotten_at_its_end() {
        let (news, now) = (News::default(), Instant::now());
        note_at(&news, Some(vec![record(5, "a", false)]), now).await;
        let during = news.count();
        assert!(
            news.is_doubtful("some/prefix/v1/a/AB/a.sym") && !news.is_doubtful("v1/a/AB/a.sym")
        );
        let earlier = now + DOUBT_FOR - LOOK_EVERY;
        assert_eq!(note_at(&news, Some(Vec::new()), earlier).await, []);
        let ended = note_at(&news, Some(Vec::new()), now + DOUBT_FOR).await;
        assert_eq!(ended, [key("a")]);
        assert!(!news.is_doubtful("some/prefix/v1/a/AB/a.sym"));
        assert!(!news.is_current(&key("a"), during, Duration::ZERO));
        assert!(news.is_current(&key("a"), news.count(), OLD));
    }

    #[tokio::test]
    async fn records_are_seen_in_any_order_and_open_ones_however_old() {
        let news = News::default();
        note(
            &news,
            Some(vec![record(2000, "a", true), record(2001, "b", false)]),
        )
        .await;
        assert_eq!(
            note(&news, Some(vec![record(1999, "c", true)])).await,
            [key("c")]
        );
        note(&news, Some(vec![record(9000, "d", true)])).await;
        let turn = news.turn.lock().await;
        let expected = Question {
            after: Some(8000),
            also: vec![2001],
        };
        assert_eq!(turn.question(), expected);
        drop(turn);
        let late = vec![record(2001, "b", true)];
        assert_eq!(note(&news, Some(late)).await, [key("b")]);
    }

    #[tokio::test]
    async fn without_the_records_everything_is_in_doubt() {
        let news = News::default();
        note(&news, None).await;
        assert!(!news.is_current(&key("a"), news.count(), OLD));
        assert!(news.is_current(&key("a"), news.count(), Duration::ZERO));
        note(&news, Some(Vec::new())).await;
        assert!(news.is_current(&key("a"), news.count(), OLD));
    }

    #[test]
    fn what_is_no_longer_remembered_counts_as_changed() {
        let mut told = Told::default();
        for number in 0..=MAX_CHANGED {
            told.note_change(&key(&number.to_string()));
        }
        assert_eq!(told.changed.len(), 1);
        let news = News {
            told: RwLock::new(told),
            ..News::default()
        };
        assert!(!news.is_current(&key("0"), 0, Duration::ZERO));
        assert!(news.is_current(&key("0"), news.count(), OLD));
    }
}
