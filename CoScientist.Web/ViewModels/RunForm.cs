using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core;
using CoScientist.Core.Runs;

namespace CoScientist.Web.ViewModels;

/// <summary>A specification being written: a starting point, and what was changed in it, as texts.</summary>
public sealed class RunForm
{
    private const string Source = "The form";

    private static readonly Dictionary<string, string> s_defaults = Texts(new RunSpec());

    private readonly RunSpec start;
    private readonly string? preset;
    private readonly Dictionary<string, string> starting;
    private readonly Dictionary<string, string> values;

    /// <summary>What is wrong with parts of an imported document that are no fields; stays until it is dismissed.</summary>
    private IReadOnlyList<RunSpecFault> foreign = [];

    /// <summary>Starts from a specification.</summary>
    /// <param name="start">The specification.</param>
    /// <param name="preset">Name of the preset it is; null for that of another run.</param>
    public RunForm(RunSpec start, string? preset)
    {
        (this.start, this.preset) = (start, preset);
        starting = Texts(start);
        values = new(starting, StringComparer.Ordinal);
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
    private IEnumerable<string> Changes => values.Where(value => value.Value != starting[value.Key]).Select(value => $"{value.Key}={value.Value}");

    /// <summary>The text in a field.</summary>
    public string this[string path] => values[path];

    /// <summary>The text the field started with: the preset's, or the other run's.</summary>
    public string Start(string path) => starting[path];

    /// <summary>The text a field has where nobody says otherwise.</summary>
    public static string Default(string path) => s_defaults[path];

    /// <summary>The faults of a field.</summary>
    public IEnumerable<RunSpecFault> FaultsOf(string path) => Faults.Where(fault => fault.Path == path);

    /// <summary>What a field should not say but may.</summary>
    public IEnumerable<RunSpecFault> WarningsOf(string path) => Spec is null ? [] : RunSpecValidator.Warnings(Spec).Where(warning => warning.Path == path);

    /// <summary>Faults that no field of the form shows.</summary>
    public IEnumerable<RunSpecFault> OtherFaults => Faults.Where(fault => !starting.ContainsKey(fault.Path));

    /// <summary>Whether an imported document had parts that are no fields.</summary>
    public bool HasForeign => foreign.Count > 0;

    /// <summary>Reads a specification written elsewhere. Its faults are those of the form, at their fields; what a faulty field said stands in it.</summary>
    /// <param name="json">One JSON object.</param>
    /// <param name="source">Where it came from, for messages.</param>
    /// <returns>The form; with no field changed and one fault when the text is no specification of this version at all.</returns>
    public static RunForm Import(string json, string source)
    {
        var form = new RunForm(new RunSpec(), preset: null);
        try
        {
            return new RunForm(RunSpecFile.Parse(source, json), preset: null);
        }
        catch (RunSpecException fault)
        {
            form.Spec = null;
            form.Faults = fault.Faults;
        }

        form.foreign = [.. form.OtherFaults];
        try
        {
            if (JsonText.ParseNode(Encoding.UTF8.GetBytes(json.TrimStart('\uFEFF')), anyCase: true) is JsonObject document)
            {
                foreach (var path in s_defaults.Keys)
                {
                    form.values[path] = Find(document, path) is { } node ? Text(node) : s_defaults[path];
                }
            }
        }
        catch (JsonException)
        {
            // No JSON, or a field given twice: the faults say so, and the fields keep their defaults.
        }

        return form;
    }

    /// <summary>Leaves out what an imported document says besides the fields there are.</summary>
    public void Dismiss()
    {
        foreign = [];
        Read();
    }

    /// <summary>Puts a text into a field and reads the whole anew.</summary>
    public void Set(string path, string text)
    {
        values[path] = text.Trim();
        Read();
    }

    /// <summary>Puts one of several choices into a field, or takes it out.</summary>
    public void Choose(string path, string choice, bool chosen) =>
        Set(path, string.Join(',', chosen ? [.. Chosen(path).Except([choice]), choice] : Chosen(path).Except([choice])));

    /// <summary>The choices of a field.</summary>
    public IEnumerable<string> Chosen(string path) => values[path].Split(',', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Adds what only the library knows to be wrong.</summary>
    public void Refuse(IReadOnlyList<RunSpecFault> faults) => Faults = faults;

    private void Read()
    {
        try
        {
            Spec = RunPresets.Apply(start, Changes, Source);
            Faults = foreign;
        }
        catch (RunSpecException fault)
        {
            Faults = [.. foreign, .. fault.Faults];
        }

        Spec = Faults.Count == 0 ? Spec : null;
    }

    private static Dictionary<string, string> Texts(RunSpec spec)
    {
        var document = JsonSerializer.SerializeToNode(spec, RunSpec.JsonOptions)!;
        return RunFields.All.ToDictionary(field => field.Path, field => Text(Find(document, field.Path)), StringComparer.Ordinal);
    }

    private static JsonNode? Find(JsonNode document, string path) => path.Split('.').Aggregate((JsonNode?)document, (parent, name) => (parent as JsonObject)?[name]);

    private static string Text(JsonNode? node) => node switch
    {
        JsonArray list => string.Join(',', list.Select(entry => entry?.ToString())),
        null => "",
        JsonValue value when value.GetValueKind() is JsonValueKind.True or JsonValueKind.False => value.ToJsonString(),
        _ => node.ToString(),
    };

    private static string Quote(string text) => text.Any(c => !char.IsLetterOrDigit(c) && !"=.,-_".Contains(c)) ? $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'" : text;
}
