package parts

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/repo"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

// chartSource is a chart as it lies in its module, and what the project's
// release process adds to it.
type chartSource struct {
	dir   string
	files map[string]string // added, or in place of the module's
	edit  func(name, content string) string
}

func chartFrom(dir string) *chartSource {
	return &chartSource{dir: dir, files: map[string]string{}, edit: func(_, content string) string { return content }}
}

// definitions adds the folder's custom resource definitions.
func (s *chartSource) definitions(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("no definitions in %s", dir)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s.files["crds/"+filepath.Base(name)] = string(raw)
	}
	return nil
}

// buffered returns the chart's files as Helm's loader takes them.
func (s *chartSource) buffered() ([]*loader.BufferedFile, error) {
	var files []*loader.BufferedFile
	err := filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if _, replaced := s.files[name]; replaced {
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files = append(files, &loader.BufferedFile{Name: name, Data: []byte(s.edit(name, string(raw)))})
		return nil
	})
	for name, content := range s.files {
		files = append(files, &loader.BufferedFile{Name: name, Data: []byte(content)})
	}
	slices.SortFunc(files, func(a, b *loader.BufferedFile) int { return strings.Compare(a.Name, b.Name) })
	return files, err
}

// Charts packages every part's chart and returns a folder that is a Helm chart
// repository.
func (c *Catalogue) Charts(ctx context.Context) (string, error) {
	var sources []*chartSource
	key := []string{"charts 1"}
	for _, part := range All() {
		if part.chart == nil {
			continue
		}
		source, err := part.chart(ctx, c)
		if err != nil {
			return "", fmt.Errorf("chart of %s: %w", part.Name, err)
		}
		files, err := source.buffered()
		if err != nil {
			return "", fmt.Errorf("chart of %s: %w", part.Name, err)
		}
		sources = append(sources, source)
		for _, file := range files {
			key = append(key, file.Name, string(file.Data))
		}
	}
	return c.build.Made(ctx, "charts", "charts", key, "package the charts", func(_ context.Context, target string) error {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		for _, source := range sources {
			files, err := source.buffered()
			if err != nil {
				return err
			}
			chart, err := loader.LoadFiles(files)
			if err != nil {
				return fmt.Errorf("chart %s: %w", source.dir, err)
			}
			if _, err := chartutil.Save(chart, target); err != nil {
				return fmt.Errorf("chart %s: %w", chart.Name(), err)
			}
		}
		index, err := repo.IndexDirectory(target, "http://"+settings.ChartsAddress+"/charts")
		if err != nil {
			return err
		}
		return index.WriteFile(filepath.Join(target, "index.yaml"), 0o644)
	})
}
