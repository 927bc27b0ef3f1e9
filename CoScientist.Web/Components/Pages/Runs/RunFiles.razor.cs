using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Core.Storage;
using CoScientist.Web.Configuration;
using CoScientist.Web.Runs;
using Microsoft.AspNetCore.Components;

namespace CoScientist.Web.Components.Pages.Runs;

/// <summary>What a run wrote: the end of its log, searched and followed, and its files to download.</summary>
public sealed partial class RunFiles : IDisposable
{
    private const int LinesShown = 200;

    /// <summary>Longest line shown: a sample carries a whole plan with its gradings.</summary>
    private const int LongestLine = 2000;

    private static readonly (string Name, string Words)[] s_readable =
    [
        (RunFolder.LogFile, "log"),
        (RunFolder.MetricsFile, "metrics"),
        (RunFolder.SamplesFile, "samples"),
        (RunFolder.EvaluationFile, "closing evaluation"),
    ];

    private readonly CancellationTokenSource _gone = new();
    private Run? _run;
    private IDisposable? _subscription;
    private IReadOnlyList<string> _lines = [];
    private IReadOnlyList<(string Name, string What, long Bytes, DateTimeOffset Changed)> _files = [];
    private string _folder = "";
    private string _file = RunFolder.LogFile;
    private string? _search;
    private bool _loaded;

    /// <summary>Name of the run.</summary>
    [Parameter]
    public string Name { get; set; } = "";

    /// <summary>What lines must hold.</summary>
    [SupplyParameterFromQuery(Name = "q")]
    public string? Search { get; set; }

    /// <summary>File to read; the log when none is named.</summary>
    [SupplyParameterFromQuery(Name = "file")]
    public string? File { get; set; }

    [Inject]
    private RunStore Store { get; set; } = default!;

    [Inject]
    private RunEvents Events { get; set; } = default!;

    [Inject]
    private CoScientistOptions Options { get; set; } = default!;

    [Inject]
    private NavigationManager Navigation { get; set; } = default!;

    /// <inheritdoc/>
    public void Dispose()
    {
        _subscription?.Dispose();
        _gone.Cancel();
        _gone.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task OnParametersSetAsync()
    {
        _file = s_readable.Any(file => file.Name == File) ? File! : RunFolder.LogFile;
        _search = Search;
        _subscription?.Dispose();
        await LoadAsync();
        if (_run is not null && RendererInfo.IsInteractive)
        {
            _subscription = Events.Subscribe(_run.Id, () => InvokeAsync(async () =>
            {
                await LoadAsync();
                StateHasChanged();
            }));
        }
    }

    private async Task LoadAsync()
    {
        _run = await Store.FindAsync(Name, _gone.Token);
        _loaded = true;
        if (_run is null)
        {
            return;
        }

        var folder = new RunFolder(Options.RunDirectory(_run.Name));
        var shown = s_readable.Any(file => file.Name == File) ? File! : RunFolder.LogFile;
        _folder = folder.Path;
        _lines = [.. FileTail.Read(folder.File(shown), LinesShown, Search, _gone.Token).Select(line => Readable(shown, line))];
        _files =
        [
            .. from known in Downloads.RunFiles
               let file = new FileInfo(folder.File(known.Name))
               where file.Exists
               select (known.Name, known.What, file.Length, new DateTimeOffset(file.LastWriteTimeUtc)),
        ];
    }

    /// <summary>A message of the log as people read it; other lines as they are.</summary>
    private static string Readable(string file, string line)
    {
        if (file == RunFolder.LogFile)
        {
            try
            {
                var said = JsonSerializer.Deserialize<RunLog>(line, RunFolder.LineOptions);
                return said is null ? line : $"step {said.Step}: {said.Message}";
            }
            catch (JsonException)
            {
                // Damaged: shown as it is.
            }
        }

        return line.Length <= LongestLine ? line : string.Concat(line.AsSpan(0, LongestLine), " …");
    }

    private IEnumerable<(string Text, bool Hit)> Hits(string line)
    {
        var from = 0;
        if (!string.IsNullOrEmpty(Search))
        {
            for (var at = line.IndexOf(Search, StringComparison.OrdinalIgnoreCase); at >= 0; at = line.IndexOf(Search, from, StringComparison.OrdinalIgnoreCase))
            {
                yield return (line[from..at], false);
                yield return (line.Substring(at, Search.Length), true);
                from = at + Search.Length;
            }
        }

        yield return (line[from..], false);
    }

    private void Apply() => Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(new Dictionary<string, object?>(StringComparer.Ordinal)
    {
        ["file"] = _file == RunFolder.LogFile ? null : _file,
        ["q"] = string.IsNullOrEmpty(_search) ? null : _search,
    }));
}
