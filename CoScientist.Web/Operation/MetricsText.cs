using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace CoScientist.Web.Operation;

/// <summary>
/// Sums up what meters of this process measure and writes it in the text format that Prometheus reads
/// (https://prometheus.io/docs/instrumenting/exposition_formats/). Histograms have fixed bounds in seconds.
/// </summary>
/// <param name="factory">Whose meters are heard; the runtime's are heard too.</param>
internal sealed class MetricsText(IMeterFactory factory) : IHostedService, IDisposable
{
    /// <summary>Most series kept: labels come from routes and states, so that more mean a fault.</summary>
    private const int MostSeries = 4000;

    private static readonly double[] s_bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];
    private static readonly string[] s_meters = [ApplicationMeters.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Components.Server.Circuits", "Microsoft.AspNetCore.Server.Kestrel"];

    private readonly ConcurrentDictionary<(string Name, string Labels), Series> all = new();
    private MeterListener? listener;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if ((s_meters.Contains(instrument.Meter.Name) && ReferenceEquals(instrument.Meter.Scope, factory)) || instrument.Meter.Name == "System.Runtime")
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<float>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose() => listener?.Dispose();

    /// <summary>All series as they stand now.</summary>
    public string Write()
    {
        listener?.RecordObservableInstruments();
        var text = new StringBuilder();
        foreach (var metric in all.GroupBy(entry => entry.Key.Name).OrderBy(metric => metric.Key, StringComparer.Ordinal))
        {
            var first = metric.First().Value;
            if (first.Help is { Length: > 0 } help)
            {
                text.Append("# HELP ").Append(metric.Key).Append(' ').Append(help.Replace("\\", "\\\\").ReplaceLineEndings(" ")).Append('\n');
            }

            text.Append("# TYPE ").Append(metric.Key).Append(' ').Append(first.Kind.ToString().ToLowerInvariant()).Append('\n');
            foreach (var (key, series) in metric.OrderBy(entry => entry.Key.Labels, StringComparer.Ordinal))
            {
                series.Write(text, metric.Key, key.Labels);
            }
        }

        return text.ToString();
    }

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var type = instrument.GetType().Name;
        var kind = type.StartsWith("Histogram", StringComparison.Ordinal) ? Kind.Histogram
            : type.StartsWith("Counter", StringComparison.Ordinal) || type.StartsWith("ObservableCounter", StringComparison.Ordinal) ? Kind.Counter
            : Kind.Gauge;
        var key = (NameOf(instrument, kind), Labels(tags));
        if (!all.TryGetValue(key, out var series))
        {
            if (all.Count >= MostSeries)
            {
                return;
            }

            series = all.GetOrAdd(key, _ => new Series(kind, instrument.Description));
        }

        // Observable instruments tell the total, the others what comes to it.
        series.Add(value, isChange: kind != Kind.Histogram && !instrument.IsObservable && !type.StartsWith("Gauge", StringComparison.Ordinal));
    }

    private static string NameOf(Instrument instrument, Kind kind)
    {
        var name = new StringBuilder(instrument.Name.Length + 16);
        foreach (var letter in instrument.Name)
        {
            name.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '_');
        }

        name.Append(instrument.Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" });
        return name.Append(kind == Kind.Counter ? "_total" : "").ToString();
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.Length == 0)
        {
            return "";
        }

        var labels = new List<string>(tags.Length);
        foreach (var (name, value) in tags)
        {
            var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
            labels.Add($"{name.Replace('.', '_').Replace('-', '_')}=\"{text.Replace("\\", "\\\\").Replace("\"", "\\\"").ReplaceLineEndings("\\n")}\"");
        }

        labels.Sort(StringComparer.Ordinal);
        return string.Join(',', labels);
    }

    private enum Kind
    {
        Counter,
        Gauge,
        Histogram,
    }

    private sealed class Series(Kind kind, string? help)
    {
        private readonly Lock gate = new();
        private readonly long[] buckets = kind == Kind.Histogram ? new long[s_bounds.Length] : [];
        private double sum;
        private long count;

        public Kind Kind { get; } = kind;

        public string? Help { get; } = help;

        public void Add(double value, bool isChange)
        {
            lock (gate)
            {
                if (Kind != Kind.Histogram)
                {
                    sum = isChange ? sum + value : value;
                    return;
                }

                sum += value;
                count++;
                for (var i = 0; i < s_bounds.Length; i++)
                {
                    buckets[i] += value <= s_bounds[i] ? 1 : 0;
                }
            }
        }

        public void Write(StringBuilder text, string name, string labels)
        {
            lock (gate)
            {
                if (Kind != Kind.Histogram)
                {
                    Line(text, name, labels, sum);
                    return;
                }

                var comma = labels.Length > 0 ? "," : "";
                for (var i = 0; i < s_bounds.Length; i++)
                {
                    Line(text, name + "_bucket", $"{labels}{comma}le=\"{s_bounds[i].ToString(CultureInfo.InvariantCulture)}\"", buckets[i]);
                }

                Line(text, name + "_bucket", $"{labels}{comma}le=\"+Inf\"", count);
                Line(text, name + "_sum", labels, sum);
                Line(text, name + "_count", labels, count);
            }
        }

        private static void Line(StringBuilder text, string name, string labels, double value)
        {
            text.Append(name);
            if (labels.Length > 0)
            {
                text.Append('{').Append(labels).Append('}');
            }

            text.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
        }
    }
}
