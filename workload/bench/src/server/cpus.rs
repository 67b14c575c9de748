//! Which CPUs the server and the client run on, so that neither disturbs the other.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The CPUs that this process may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpus(Vec<usize>);

/// Who runs where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub server: Cpus,
    pub client: Cpus,
}

impl Cpus {
    /// Those of this thread.
    pub fn allowed() -> io::Result<Self> {
        let set = sched_getaffinity(None)?;
        Ok(Self((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect()))
    }

    /// Binds this thread, and the threads and processes that it starts from now on, to them.
    pub fn bind(&self) -> io::Result<()> {
        let mut set = CpuSet::new();
        for &cpu in &self.0 {
            set.set(cpu);
        }
        Ok(sched_setaffinity(None, &set)?)
    }

    /// A CPU for each worker, and the next one for the client. Where there are not enough, they share all there are.
    pub fn place(&self, workers: usize) -> Placement {
        match self.0.get(workers) {
            Some(&client) => {
                Placement { server: Self(self.0[..workers].to_vec()), client: Self(vec![client]) }
            }
            None => Placement { server: self.clone(), client: self.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::apart(&[0, 1], 1, &[0], &[1])]
    #[case::more_than_needed(&[2, 3, 5, 7], 2, &[2, 3], &[5])]
    #[case::shared(&[0, 1], 2, &[0, 1], &[0, 1])]
    #[case::one_cpu(&[4], 1, &[4], &[4])]
    fn the_client_gets_a_cpu_of_its_own_if_there_is_one(
        #[case] allowed: &[usize],
        #[case] workers: usize,
        #[case] server: &[usize],
        #[case] client: &[usize],
    ) {
        let expected = Placement { server: Cpus(server.to_vec()), client: Cpus(client.to_vec()) };
        assert_eq!(Cpus(allowed.to_vec()).place(workers), expected);
    }
}
