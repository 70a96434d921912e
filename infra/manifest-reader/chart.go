package main

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/releaseutil"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// Chart is what `helm template` prints and what `helm lint` finds.
type Chart struct {
	Documents []Document `json:"documents"`
	Notes     string     `json:"notes"`
	Findings  []string   `json:"findings"`
}

// Document is one rendered object.
type Document struct {
	Template string         `json:"template"`
	Object   map[string]any `json:"object"`
	// Kubernetes has no type of this kind: it comes with an extension and was not checked.
	Unknown bool `json:"unknown,omitempty"`
}

// A field that Kubernetes does not know, or one of another type, is an error here; an API server may drop it in silence.
var strict = json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
	json.SerializerOptions{Yaml: true, Strict: true})

func readChart(request Request) (*Chart, error) {
	loaded, err := loader.Load(request.Path)
	if err != nil {
		return nil, err
	}
	if request.Values, err = merged(request); err != nil {
		return nil, err
	}
	rendered, err := render(loaded, request)
	if err != nil {
		return nil, err
	}
	result := &Chart{Documents: []Document{}, Findings: []string{}}
	for template, text := range rendered {
		if path.Base(template) == "NOTES.txt" {
			result.Notes = text
			continue
		}
		documents, err := decode(template, text)
		if err != nil {
			return nil, err
		}
		result.Documents = append(result.Documents, documents...)
	}
	slices.SortStableFunc(result.Documents, func(a, b Document) int { return strings.Compare(a.Template, b.Template) })
	for _, it := range lint.All(request.Path, request.Values, request.Namespace, true).Messages {
		if it.Severity > support.InfoSev {
			result.Findings = append(result.Findings, it.Error())
		}
	}
	return result, nil
}

func merged(request Request) (map[string]any, error) {
	if request.ValuesFile == "" {
		return request.Values, nil
	}
	file, err := chartutil.ReadValuesFile(request.ValuesFile)
	if err != nil {
		return nil, err
	}
	if request.Values == nil {
		return file, nil
	}
	return chartutil.MergeTables(request.Values, file), nil
}

func render(loaded *chart.Chart, request Request) (map[string]string, error) {
	if err := chartutil.ProcessDependencies(loaded, request.Values); err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{
		Name: request.Release, Namespace: request.Namespace, Revision: 1, IsInstall: true,
	}
	values, err := chartutil.ToRenderValues(loaded, request.Values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(loaded, values)
}

func decode(template, text string) ([]Document, error) {
	var documents []Document
	parts := releaseutil.SplitManifests(text)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		document := Document{Template: template}
		if err := yaml.Unmarshal([]byte(parts[name]), &document.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", template, err)
		}
		if document.Object == nil {
			continue
		}
		_, _, err := strict.Decode([]byte(parts[name]), nil, nil)
		document.Unknown = runtime.IsNotRegisteredError(err)
		if err != nil && !document.Unknown {
			return nil, fmt.Errorf("%s: %w", template, err)
		}
		documents = append(documents, document)
	}
	return documents, nil
}
