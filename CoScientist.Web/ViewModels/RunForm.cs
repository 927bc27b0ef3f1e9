using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>A specification being written: a starting point, and what was changed in it, as texts.</summary>
public sealed class RunForm
{
    private const string Source = "The form";

    private readonly RunSpec start;
    private readonly string? preset;
    private readonly Dictionary<string, string> defaults;
    private readonly Dictionary<string, string> values;

    /// <summary>Starts from a specification.</summary>
    /// <param name="start">The specification.</param>
    /// <param name="preset">Name of the preset it is; null for that of another run.</param>
    public RunForm(RunSpec start, string? preset)
    {
        (this.start, this.preset) = (start, preset);
        var document = JsonSerializer.SerializeToNode(start, RunSpec.JsonOptions)!;
        defaults = RunFields.All.ToDictionary(field => field.Path, field => Text(document, field.Path), StringComparer.Ordinal);
        values = new(defaults, StringComparer.Ordinal);
        Spec = start;
    }

    /// <summary>The specification as it stands; null while it has a fault.</summary>
    public RunSpec? Spec { get; private set; }

    /// <summary>What is wrong, all of it.</summary>
    public IReadOnlyList<RunSpecFault> Faults { get; private set; } = [];

    /// <summary>The same run from the command line.</summary>
    public string CommandLine => string.Join(' ', [
        "dotnet run -c Release --project CoScientist.Web -- train",
        preset is null ? "SPEC.json" : $"--preset {preset}",
        .. preset is null ? [] : Changes.Select(change => $"--set {Quote(change)}")]);

    /// <summary>The changed fields, as <c>--set</c> takes them.</summary>
    private IEnumerable<string> Changes => values.Where(value => value.Value != defaults[value.Key]).Select(value => $"{value.Key}={value.Value}");

    /// <summary>The text in a field.</summary>
    public string this[string path] => values[path];

    /// <summary>The text the field started with.</summary>
    public string Default(string path) => defaults[path];

    /// <summary>The faults of a field.</summary>
    public IEnumerable<RunSpecFault> FaultsOf(string path) => Faults.Where(fault => fault.Path == path);

    /// <summary>What a field should not say but may.</summary>
    public IEnumerable<RunSpecFault> WarningsOf(string path) => Spec is null ? [] : RunSpecValidator.Warnings(Spec).Where(warning => warning.Path == path);

    /// <summary>Faults that no field of the form shows.</summary>
    public IEnumerable<RunSpecFault> OtherFaults => Faults.Where(fault => !defaults.ContainsKey(fault.Path));

    /// <summary>Puts a text into a field and reads the whole anew.</summary>
    public void Set(string path, string text)
    {
        values[path] = text.Trim();
        try
        {
            Spec = RunPresets.Apply(start, Changes, Source);
            Faults = [];
        }
        catch (RunSpecException fault)
        {
            Spec = null;
            Faults = fault.Faults;
        }
    }

    /// <summary>Puts one of several choices into a field, or takes it out.</summary>
    public void Choose(string path, string choice, bool chosen) =>
        Set(path, string.Join(',', chosen ? [.. Chosen(path).Except([choice]), choice] : Chosen(path).Except([choice])));

    /// <summary>The choices of a field.</summary>
    public IEnumerable<string> Chosen(string path) => values[path].Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Adds what only the library knows to be wrong.</summary>
    public void Refuse(IReadOnlyList<RunSpecFault> faults) => Faults = faults;

    private static string Text(JsonNode document, string path)
    {
        var node = path.Split('.').Aggregate((JsonNode?)document, (parent, name) => parent?[name]);
        return node switch
        {
            JsonArray list => string.Join(',', list.Select(entry => entry?.ToString())),
            null => "",
            JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False => value.ToJsonString(),
            _ => node.ToString(),
        };
    }

    private static string Quote(string text) => text.Any(c => !char.IsLetterOrDigit(c) && !"=.,-_".Contains(c)) ? $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'" : text;
}
