//! A Rust program whose global allocator is jemalloc, and that watches it with
//! tikv-jemalloc-ctl, by names and by MIBs of fixed lengths.
//!
//! Prints its figures as lines "name value", and last "done".

use std::alloc::{alloc_zeroed, dealloc, realloc, Layout};
use std::collections::HashMap;
use std::error::Error;
use std::sync::mpsc;
use std::thread;

use tikv_jemalloc_ctl::{
    arenas, background_thread, config, epoch, max_background_threads, opt, raw, stats,
    thread as this_thread, version, Access, AsName,
};

#[global_allocator]
static GLOBAL: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const THREADS: usize = 8;
const KEPT_BYTES: usize = 48 << 20;

type Answer = Result<(), Box<dyn Error>>;

/// Strings, maps and vectors that grow; what it returns another thread frees.
fn work(seed: usize) -> Vec<Vec<u8>> {
    let mut words: HashMap<String, Vec<u64>> = HashMap::new();
    let mut kept = Vec::new();

    for i in 0..20_000usize {
        let key = format!("{}-{}", seed, i * 7919 % 1009);
        words.entry(key).or_default().push(i as u64);
        if i % 100 == 0 {
            kept.push(vec![seed as u8; i * 37 % 40_000 + 1]);
        }
        if i % 5_000 == 0 {
            words.clear();
        }
    }
    kept
}

/// Alignments, zeroed blocks, and growth that must keep what was written.
fn layouts() {
    for shift in 0..16 {
        let layout = Layout::from_size_align(3 << shift, 1 << shift).unwrap();
        let grown = 13 << shift;
        unsafe {
            let p = alloc_zeroed(layout);
            assert!(!p.is_null() && p as usize % layout.align() == 0);
            assert!((0..layout.size()).all(|i| *p.add(i) == 0));
            p.write_bytes(0x5a, layout.size());
            let q = realloc(p, layout, grown);
            assert!(!q.is_null() && q as usize % layout.align() == 0);
            assert!((0..layout.size()).all(|i| *q.add(i) == 0x5a));
            dealloc(q, Layout::from_size_align(grown, layout.align()).unwrap());
        }
    }
}

fn threads() {
    let (sender, receiver) = mpsc::channel();
    let all: Vec<_> = (0..THREADS)
        .map(|seed| {
            let sender = sender.clone();
            thread::spawn(move || {
                layouts();
                sender.send(work(seed)).unwrap();
            })
        })
        .collect();
    drop(sender);
    for kept in receiver {
        assert!(kept.iter().all(|block| block[0] == block[block.len() - 1]));
    }
    for one in all {
        one.join().unwrap();
    }
}

/// All of stats.*, by MIBs that are looked up once.
fn statistics() -> Answer {
    let advance = epoch::mib()?;
    let allocated = stats::allocated::mib()?;
    let active = stats::active::mib()?;
    let before = advance.advance()?;
    let base = allocated.read()?;
    let kept = vec![1u8; KEPT_BYTES];

    assert!(advance.advance()? > before);
    let with = allocated.read()?;
    assert!(with >= base + KEPT_BYTES / 10 * 9, "{} then {}", base, with);
    assert!(active.read()? >= with);
    assert!(stats::mapped::read()? >= active.read()?);
    assert!(stats::resident::mib()?.read()? >= KEPT_BYTES);
    println!("allocated {}", with);
    println!("metadata {}", stats::metadata::read()?);
    println!("retained {}", stats::retained::read()?);
    drop(kept);
    epoch::advance()?;
    assert!(stats::allocated::read()? + KEPT_BYTES / 2 < with);
    Ok(())
}

/// The counters of a thread, by pointers that stay good.
fn counters() -> Answer {
    let allocated = this_thread::allocatedp::mib()?.read()?;
    let freed = this_thread::deallocatedp::read()?;
    let (before, gone) = (allocated.get(), freed.get());
    let block = vec![0u8; 1 << 16];
    assert_eq!(unsafe { std::ptr::read_volatile(block.as_ptr()) }, 0);
    drop(block);
    assert!(allocated.get() - before >= 1 << 16);
    assert!(freed.get() - gone >= 1 << 16);
    println!("thread.allocated {}", this_thread::allocatedp::read()?.get());
    Ok(())
}

fn switches() -> Answer {
    println!("version {}", version::mib()?.read()?);
    println!("config.malloc_conf {}", config::malloc_conf::read()?);
    println!("arenas.narenas {}", arenas::narenas::mib()?.read()?);
    assert!(arenas::narenas::read()? >= 1);
    println!("opt.narenas {}", opt::narenas::read()?);
    println!("opt.tcache {}", opt::tcache::read()?);
    println!("opt.dss {}", opt::dss::read()?);
    println!("opt.junk {}", opt::junk::read()?);
    println!("opt.zero {}", opt::zero::read()?);
    println!("opt.abort {}", opt::abort::read()?);
    println!("opt.background_thread {}", opt::background_thread::read()?);

    let background = background_thread::mib()?;
    println!("background_thread {}", background.read()?);
    background.write(true)?;
    assert!(background.read()?);
    background.write(false)?;
    assert!(!background.read()?);
    background.write(true)?;
    println!("max_background_threads {}", max_background_threads::mib()?.read()?);

    // The untyped ways.
    let page: usize = b"arenas.page\0".name().read()?;
    assert_eq!(page, 4096);
    let mut mib = [0usize; 3];
    raw::name_to_mib(b"arenas.bin.0.size\0", &mut [0usize; 4])?;
    raw::name_to_mib(b"arena.0.dirty_decay_ms\0", &mut mib)?;
    println!("arena.0.dirty_decay_ms {}", unsafe { raw::read_mib::<isize>(&mib) }?);
    assert!(unsafe { raw::read::<u64>(b"no.such.name\0") }.is_err());
    Ok(())
}

fn main() -> Answer {
    switches()?;
    threads();
    statistics()?;
    counters()?;
    println!("done");
    Ok(())
}
