package sweep

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"text/template"

	"gantry.local/kernel-ext/internal/wholefile"
)

// Cluster is what a Kubernetes cluster has for a sweep.
type Cluster struct {
	Image string // with this program at /gantry/bin/gantry, as `make image` makes it
	Claim string // name of a persistent volume claim that all pods can write to: the trials' folders lie there
}

const (
	jobFile   = "kubernetes.yaml" // in the sweep's folder
	trainFile = "trainjobs.yaml"

	podSpec = "/sweep/spec/spec.json" // in a pod
	podRuns = "/sweep/runs"
	podUser = 1000 // the image's
)

var (
	//go:embed kubernetes.yaml.tmpl
	jobManifest string
	//go:embed trainjobs.yaml.tmpl
	trainManifest string
)

// ExportKubernetes writes two manifests into the sweep's folder and returns their paths: an Indexed Job, whose indices are the trials, and the same
// as TrainJobs of Kubeflow's trainer. Either holds the spec too. An index whose trial diverges or is refused fails at once; one whose pod dies is tried again, as often as
// the spec has retries, and goes on from its checkpoint.
func (s *Sweep) ExportKubernetes(c Cluster) (paths []string, err error) {
	spec, err := json.Marshal(s.Spec)
	if err != nil {
		return nil, err
	}
	name := s.nameForOthers()
	indices := make([]int, len(s.Trials))
	for i := range indices {
		indices[i] = i
	}
	values := map[string]any{
		"Name": name, "Spec": string(spec), "Image": c.Image, "Claim": c.Claim, "Trials": indices, "Slots": s.Spec.slots(), "Retries": s.Spec.retries(),
		"Command": []string{"/gantry/bin/gantry", "sweep", podSpec, "--out", path.Join(podRuns, name), "--trial"},
		"Final":   []int{CodeWrong, CodeSame}, "User": podUser, "SpecFolder": path.Dir(podSpec), "Runs": podRuns,
	}
	for file, text := range map[string]string{jobFile: jobManifest, trainFile: trainManifest} {
		made, err := manifest(text, values)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := wholefile.Write(filepath.Join(s.Dir, file), made, 0o600); err != nil {
			return nil, err
		}
	}
	return []string{filepath.Join(s.Dir, jobFile), filepath.Join(s.Dir, trainFile)}, nil
}

// manifest fills in a manifest. Its function json writes a value so that YAML reads the same.
func manifest(text string, values any) ([]byte, error) {
	t, err := template.New("").Funcs(template.FuncMap{"json": func(v any) (string, error) {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(v)
		return string(bytes.TrimSpace(text.Bytes())), err
	}}).Parse(text)
	if err != nil {
		return nil, err
	}
	var made bytes.Buffer
	err = t.Execute(&made, values)
	return made.Bytes(), err
}
