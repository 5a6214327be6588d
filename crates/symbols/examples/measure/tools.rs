// SPDX-License-Identifier: MPL-2.0
//! What all measurements share: a clock, and the addresses to look up.

/// Processor time of this thread in seconds: other programs take time, but not of this clock.
pub fn cpu() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    schedstat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// The same addresses in every run: 97 of 100 uniform over the bytes of functions, the rest
/// uniform over the whole range.
pub fn addresses(text: &[u8], count: usize) -> Vec<u64> {
    let mut functions = Vec::new();
    let mut bytes = 0u64;
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| line.starts_with(b"FUNC "))
    {
        let line = String::from_utf8_lossy(line).replace("FUNC m ", "FUNC ");
        let mut fields = line.split(' ').skip(1);
        let mut hex = || u64::from_str_radix(fields.next().unwrap(), 16).unwrap();
        let (start, size) = (hex(), hex());
        functions.push((bytes, start, size));
        bytes += size;
    }
    let low = functions.iter().map(|function| function.1).min().unwrap();
    let high = functions
        .iter()
        .map(|function| function.1 + function.2)
        .max()
        .unwrap();
    let mut state = 7u64;
    let mut random = move |end: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % end
    };
    (0..count)
        .map(|_| {
            if random(100) < 3 {
                return low + random(high - low);
            }
            let at = random(bytes);
            let (before, start, _) = functions[functions.partition_point(|f| f.0 <= at) - 1];
            start + (at - before)
        })
        .collect()
}
