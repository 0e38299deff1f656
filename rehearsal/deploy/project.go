package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

// project is one of the repository's Pulumi projects. Names of stacks are of one of them
// only.
type project struct {
	name string
	path string // of its Pulumi.yaml's folder in the repository
	main string // of its program's package in the repository
}

var (
	application = project{name: "pulumi", path: ".", main: "infra"}
	foundation  = project{name: "pulumi-foundation", path: filepath.Join("infra", "foundation"), main: filepath.Join("infra", "foundation", "program")}
)

// compiled is where its program is built, in the checkout that it is of.
func (p project) compiled(folders settings.Folders) string {
	return filepath.Join(folders.Root, "bin", p.name+"-program")
}

// Programs are the packages of the projects' programs, which Pulumi has built, and
// where.
func Programs(folders settings.Folders) map[string]string {
	programs := map[string]string{}
	for _, p := range []project{application, foundation} {
		programs[p.main] = p.compiled(folders)
	}
	return programs
}

// projectOf finds the project that a stack is of.
func projectOf(folders settings.Folders, stack string) (project, error) {
	for _, p := range []project{application, foundation} {
		if _, err := os.Stat(p.file(folders, stack)); err == nil {
			return p, nil
		}
	}
	return project{}, fmt.Errorf("stack %s has no %[2]s: the stacks are those with such a file, here or in %[3]s", stack, stackFile(stack), foundation.path)
}

// file is the file of one of its stacks in the repository.
func (p project) file(folders settings.Folders, stack string) string {
	return filepath.Join(folders.Root, p.path, stackFile(stack))
}

// dir is the folder in which Pulumi runs: the checkout's files, by links, and stack files
// of its own. Pulumi writes secrets and salts into a stack's file, and the checkout's must
// not change by being rehearsed.
func (p project) dir(folders settings.Folders) string {
	return filepath.Join(p.root(folders), p.path)
}

// root is the folder that stands for the repository.
func (p project) root(folders settings.Folders) string {
	return filepath.Join(folders.State, "pulumi", "project-"+p.name)
}

// Project is the folder in which Pulumi runs on the stacks but the foundation's.
func Project(folders settings.Folders) string { return application.dir(folders) }

// mirror makes the project's folder.
func (p project) mirror(folders settings.Folders) error {
	var below []string
	if p.path != "." {
		below = strings.Split(p.path, string(filepath.Separator))
	}
	if err := mirror(folders.Root, p.root(folders), below); err != nil {
		return fmt.Errorf("project folder: %w", err)
	}
	return nil
}

// mirror fills a folder with links to what is in another one, but for stack files. The
// folders below it that the names lead to are folders, filled in the same way.
func mirror(source, target string, below []string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name := entry.Name()
		from, to := filepath.Join(source, name), filepath.Join(target, name)
		switch {
		case name == ".git" || strings.HasPrefix(name, "Pulumi.") && name != "Pulumi.yaml":
			continue
		case len(below) > 0 && name == below[0]:
			err = mirror(from, to, below[1:])
		default:
			err = link(from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func link(source, target string) error {
	if at, err := os.Readlink(target); err == nil && at == source {
		return nil
	}
	_ = os.Remove(target)
	return os.Symlink(source, target)
}

func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }
