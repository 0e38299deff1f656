// Package preflight looks whether this machine can hold a rehearsal, before
// anything is started: each thing that is missing is one line that says what to do.
package preflight

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Wants is what a rehearsal needs of the machine.
type Wants struct {
	Packages []string          // Debian packages
	Programs []string          // programs that must be on the PATH
	Ports    []string          // loopback addresses that must be free, host:port
	Ranges   []netip.Prefix    // networks that nothing else may use
	Bridge   string            // the rehearsal's own interface, whose routes do not count
	Disk     map[string]uint64 // bytes that must be free, by folder
	Memory   uint64            // bytes that must be available
}

// Check returns one error for each thing that stands in the way, joined.
func Check(wants Wants) error {
	if os.Geteuid() != 0 {
		return errors.New("a rehearsal makes network namespaces, mounts and control groups, so it runs as root: run it as root, or with sudo")
	}
	checks := []func(Wants) error{packages, programs, kernel, ports, ranges, disk, memory}
	var errs []error
	for _, check := range checks {
		errs = append(errs, check(wants))
	}
	return errors.Join(errs...)
}

func packages(wants Wants) error {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		return errors.New("this is no Debian system (no dpkg-query): the rehearsal needs Debian 12 or later, or one of its kin")
	}
	if missing := Missing(wants.Packages); len(missing) > 0 {
		return fmt.Errorf("Debian packages are missing (%s): run `make packages`", strings.Join(missing, ", "))
	}
	return nil
}

// Missing lists those of the Debian packages that are not installed.
func Missing(names []string) []string {
	var missing []string
	for _, name := range names {
		out, err := exec.Command("dpkg-query", "--show", "--showformat=${Status}", name).Output()
		if err != nil || !strings.HasSuffix(string(out), " installed") {
			missing = append(missing, name)
		}
	}
	return missing
}

func programs(wants Wants) error {
	var missing []string
	for _, name := range wants.Programs {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not found on the PATH: %s: install it, or put its folder on the PATH", strings.Join(missing, ", "))
	}
	return nil
}

func kernel(Wants) error {
	raw, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(string(raw)), "overlay") {
		return errors.New("the kernel has no overlay file system: run `modprobe overlay`")
	}
	for _, place := range []string{"/sys/fs/cgroup/cgroup.controllers", "/sys/fs/cgroup/memory/cgroup.procs"} {
		if _, err := os.Stat(place); err == nil {
			return nil
		}
	}
	return errors.New("no control groups under /sys/fs/cgroup: mount them (a Debian system does), or run outside this container")
}

func ports(wants Wants) error {
	var errs []error
	for _, address := range wants.Ports {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is taken (%w): stop what listens there (`ss -ltnp` names it)", address, cause(err)))
			continue
		}
		errs = append(errs, listener.Close())
	}
	return errors.Join(errs...)
}

// cause is the system's own words for a failed call.
func cause(err error) error {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number
	}
	return err
}

func ranges(wants Wants) error {
	interfaces, err := net.Interfaces()
	if err != nil {
		return err
	}
	var errs []error
	for _, one := range interfaces {
		if strings.HasPrefix(one.Name, wants.Bridge) {
			continue
		}
		addresses, err := one.Addrs()
		if err != nil {
			continue // gone since
		}
		for _, address := range addresses {
			taken, err := netip.ParsePrefix(address.String())
			if err != nil {
				continue
			}
			for _, wanted := range wants.Ranges {
				if wanted.Overlaps(taken.Masked()) {
					errs = append(errs, fmt.Errorf("interface %s has %s, which the rehearsal's %s overlaps: take that interface down while you rehearse", one.Name, taken, wanted))
				}
			}
		}
	}
	return errors.Join(errs...)
}

func disk(wants Wants) error {
	var errs []error
	for folder, need := range wants.Disk {
		var stat syscall.Statfs_t
		if err := syscall.Statfs(existing(folder), &stat); err != nil {
			return fmt.Errorf("free space of %s: %w", folder, err)
		}
		if free := stat.Bavail * uint64(stat.Bsize); free < need {
			errs = append(errs, fmt.Errorf("%s has %s free and %s are needed: make room, or name another folder with REHEARSAL_CACHE or REHEARSAL_STATE", folder, gib(free), gib(need)))
		}
	}
	return errors.Join(errs...)
}

// existing is the folder, or the nearest one above it that is there.
func existing(folder string) string {
	for {
		if _, err := os.Stat(folder); err == nil || folder == "/" {
			return folder
		}
		folder = filepath.Dir(folder)
	}
}

func memory(wants Wants) error {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "MemAvailable:" {
			continue
		}
		kib, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			return fmt.Errorf("available memory: %w", err)
		}
		if have := kib << 10; have < wants.Memory {
			return fmt.Errorf("%s of memory are available and %s are needed: end other programs", gib(have), gib(wants.Memory))
		}
		return nil
	}
	return errors.New("available memory: /proc/meminfo does not say")
}

func gib(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }
