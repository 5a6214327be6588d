// SPDX-License-Identifier: MPL-2.0
//! A request of 10 stacks of 30 frames over the modules of a folder, as a service answers it, but
//! without HTTP.

use std::fs::{self, File};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use releng_symbols::index::{BuildOptions, Index, PageCache, build};
use releng_symbols::request::Limits;
use releng_symbols::{
    Cost, Jobs, Lookup, Lookups, ModuleKey, Options, Outcome, Version, symbolicate,
};

use crate::tools;

const FRAMES: usize = 300;
/// Of so many the median counts.
const RUNS: usize = 21;

/// Measures with the symbol files of a folder, `NAME/ID/FILE.sym`; 40 of 100 frames are in the
/// largest.
pub fn measure(folder: &str) {
    let indexes = Indexes::make(Path::new(folder));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, cores] {
        let cold = median(|| drop(black_box(indexes.answer(threads, &Opened::default()))));
        println!("nothing in memory, {threads} threads: {cold:.2} ms");
    }
    let opened = Opened::default();
    let warm = median(|| drop(black_box(indexes.answer(1, &opened))));
    let bytes = indexes.answer(1, &opened).len();
    println!("warm, 1 thread: {warm:.2} ms, answer of {bytes} bytes");
    println!("pages in memory: {:?}", opened.cache.usage());
    indexes.remove();
}

fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2].as_secs_f64() * 1e3
}

/// Indexes on the disk, and a request for them.
struct Indexes {
    paths: Vec<(ModuleKey, PathBuf)>,
    body: String,
}

/// What is in memory of them: nothing, until an answer needs it.
struct Opened {
    indexes: Mutex<Vec<(ModuleKey, File, Arc<Index>)>>,
    cache: PageCache,
}

impl Default for Opened {
    fn default() -> Self {
        Self {
            indexes: Mutex::default(),
            cache: PageCache::new(256 << 20),
        }
    }
}

impl Indexes {
    fn make(folder: &Path) -> Self {
        let mut files = Vec::new();
        for name in fs::read_dir(folder).unwrap() {
            for id in fs::read_dir(name.unwrap().path()).unwrap() {
                let id = id.unwrap();
                for file in fs::read_dir(id.path()).unwrap() {
                    let file = file.unwrap();
                    files.push((file.metadata().unwrap().len(), file.path()));
                }
            }
        }
        files.sort();
        let (mut paths, mut map, mut offsets) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (_, file)) in files.iter().enumerate() {
            let mut parents = file.ancestors().skip(1);
            let mut name = || {
                parents
                    .next()
                    .unwrap()
                    .file_name()
                    .unwrap()
                    .to_str()
                    .unwrap()
            };
            let (id, name) = (name(), name());
            let path =
                std::env::temp_dir().join(format!("measure-{}-{number}.symx1", std::process::id()));
            let options = BuildOptions {
                threads: NonZeroUsize::new(2).unwrap(),
                ..BuildOptions::default()
            };
            build(
                File::open(file).unwrap(),
                File::create(&path).unwrap(),
                &options,
            )
            .unwrap();
            paths.push((ModuleKey::parse(name, id).unwrap(), path));
            map.push(format!(r#"["{name}","{id}"]"#));
            offsets.push(tools::addresses(&fs::read(file).unwrap(), FRAMES).into_iter());
        }
        let last = files.len() - 1;
        let mut all = (0..files.len()).cycle();
        let frames: Vec<String> = (0..FRAMES)
            .map(|number| {
                let is_in_last = number % 5 < 2;
                let module = if is_in_last {
                    last
                } else {
                    all.next().unwrap()
                };
                format!("[{module},{}]", offsets[module].next().unwrap())
            })
            .collect();
        let stacks: Vec<String> = frames.chunks(30).map(|stack| stack.join(",")).collect();
        let body = format!(
            r#"{{"memoryMap":[{}],"stacks":[[{}]]}}"#,
            map.join(","),
            stacks.join("],[")
        );
        Self { paths, body }
    }

    fn answer(&self, threads: usize, opened: &Opened) -> Vec<u8> {
        let body = self.body.as_bytes();
        let jobs = Jobs::parse(Version::V5, body, &Limits::default()).unwrap();
        let mut wanted = jobs.wanted_addresses();
        wanted.sort_by_key(|(_, addresses)| addresses.len());
        let queue = Mutex::new(wanted);
        let lookups = Mutex::new(Lookups::new());
        let work = || {
            while let Some((key, addresses)) = { queue.lock().unwrap().pop() } {
                let (file, index) = self.opened(opened, key);
                let detail = jobs.version().detail();
                let found = index
                    .resolve(&file, &opened.cache, &addresses, detail)
                    .unwrap();
                let lookup = Lookup {
                    outcome: Outcome::Found(Arc::new(found)),
                    cost: Cost::default(),
                };
                lookups.lock().unwrap().insert(key.clone(), lookup);
            }
        };
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(work)));
            work();
        });
        let lookups = lookups.into_inner().unwrap();
        symbolicate(&jobs, &lookups, &Options::default(), &|| Duration::ZERO).unwrap()
    }

    fn opened(&self, opened: &Opened, key: &ModuleKey) -> (File, Arc<Index>) {
        let known = opened.indexes.lock().unwrap();
        if let Some((_, file, index)) = known.iter().find(|(known, ..)| known == key) {
            return (file.try_clone().unwrap(), Arc::clone(index));
        }
        drop(known);
        let (_, path) = self.paths.iter().find(|(known, _)| known == key).unwrap();
        let file = File::open(path).unwrap();
        let index = Arc::new(Index::open(&file).unwrap());
        let entry = (key.clone(), file.try_clone().unwrap(), Arc::clone(&index));
        opened.indexes.lock().unwrap().push(entry);
        (file, index)
    }

    fn remove(&self) {
        for (_, path) in &self.paths {
            fs::remove_file(path).unwrap();
        }
    }
}
