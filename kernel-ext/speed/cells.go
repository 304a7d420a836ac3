package speed

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"gantry.local/gan/device/compilecache"
	"gantry.local/kernel-ext/cell/cellbench"
)

// firstPictures measures cells in this project's kernel that open a run and train, until their first picture comes.
func (m *measuring) firstPictures(ctx context.Context, w Workload) error {
	return m.cells(ctx, w, func(env string) ([]time.Duration, error) { return cellbench.FirstPictures(ctx, m.Root, m.Rounds, env) })
}

// stepsInCells measures cells in this project's kernel that open a run, until they are told of its first step.
func (m *measuring) stepsInCells(ctx context.Context, w Workload) error {
	return m.cells(ctx, w, func(env string) ([]time.Duration, error) {
		return cellbench.FirstSteps(ctx, m.Root, w.of, m.Rounds, env)
	})
}

// cells measures what cells wait for, warm and cold: with the compile cache that a variable names, and without one.
func (m *measuring) cells(ctx context.Context, w Workload, measure func(env string) ([]time.Duration, error)) error {
	if m.Root == "" {
		m.log("%s: no checkout is found, and the kernel lives in one: left out", w.Name)
		return nil
	}
	row := First{Workload: w.Name, About: w.About}
	for _, way := range []struct{ title, cache string }{{"Gantry, warm", filepath.Join(m.work, "cells")}, {"Gantry, cold", "off"}} {
		took, err := measure(compilecache.Env + "=" + way.cache)
		if err != nil && ctx.Err() == nil { // the kernel needs what `make setup` installs; the rest does not
			m.report.Missing = append(m.report.Missing, fmt.Sprintf("%s: %s", w.Name, firstLine(err.Error())))
			m.log("%s: %v", w.Name, err)
			return nil
		}
		if err != nil {
			return err
		}
		m.log("%s: %s", w.Name, way.title)
		var seconds []float64
		for _, t := range took {
			seconds = append(seconds, t.Seconds())
		}
		row.Ways = append(row.Ways, Way{Title: way.title, Seconds: seconds})
	}
	m.report.Firsts = append(m.report.Firsts, row)
	return nil
}
