using System.Text.Json;
using System.Text.Json.Nodes;

namespace CoScientist.Core.Runs;

/// <summary>A specification that comes with the software.</summary>
/// <param name="Name">Its name, for <c>train --preset</c>.</param>
/// <param name="Description">What it is for, in one sentence.</param>
/// <param name="Spec">The specification.</param>
public sealed record RunPreset(string Name, string Description, RunSpec Spec);

/// <summary>The presets, and single settings on top of a specification.</summary>
public static class RunPresets
{
    /// <summary>
    /// Settings measured on the sandbox's base model, trained on one domain. Nucleus 0.98: one token in a thousand from the far
    /// tail of 1,662 breaks a sentence without changing what a plan says. A malformed sentence costs 3 times its share: at 1.5
    /// the share of well-formed plans in training fell from 0.98 to 0.95 and ended at 0.97, at 3 it fell as far (0.93 to 0.96) and
    /// ended at 0.98 and 0.99, the base's own. The judge's score pays 0.015 for it.
    /// </summary>
    private static RunSpec Sandbox { get; } = new() { TopP = 0.98, Reward = new RewardSpec { MalformedPenalty = 3 } };

    /// <summary>
    /// A burst of self-distillation: at 1e-4 ten steps do what ten of GRPO do (0.71 and 0.73 against 0.70 to 0.75), in a third of their
    /// time. A burst only, because teacher and pupil share their weights: at 2e-4 the score rose to 0.87 in ten steps, and
    /// nothing was left of it at thirty. With 34 steps of GRPO after it, as many seconds as 40 of GRPO alone, two seeds reached
    /// 0.904 and 0.925 on the validation goals, GRPO alone 0.913 and 0.899; both are near the ceiling then, but the sequence is at
    /// 0.87 after 12 + 8 steps, where GRPO takes 20.
    /// </summary>
    private static OpsdSpec Burst { get; } = new() { LearningRate = 1e-4, PlansPerGoal = 2 };

    /// <summary>All presets.</summary>
    public static IReadOnlyList<RunPreset> All { get; } =
    [
        new(
            "sandbox-grpo",
            "The paper's method in the sandbox: the base model learns from its frozen copy while the oracle watches; a few minutes on two cores.",
            Sandbox with { Name = "sandbox-grpo", Steps = 40 }),
        new(
            "sandbox-sft",
            "The paper's baseline in the sandbox: the base model imitates reference solutions, without any reward.",
            Sandbox with { Name = "sandbox-sft", Method = "sft", Steps = 60 }),
        new(
            "sandbox-opsd",
            "Self-distillation in the sandbox: the base model, shown the rubric, teaches itself to write without it; no reward, no grader.",
            Sandbox with { Name = "sandbox-opsd", Method = "opsd", Steps = 40 }),
        new(
            "sandbox-opsd-grpo",
            "PaperGym's sequence in the sandbox: a burst of self-distillation, then the paper's method, in the time of sandbox-grpo.",
            Sandbox with { Name = "sandbox-opsd-grpo", Method = "sequence", Steps = 46, Stages = ["opsd:12", "grpo:34"], Opsd = Burst }),
        new(
            "sandbox-quick",
            "Three small steps in the sandbox, to see every part work; too short to learn from.",
            Sandbox with
            {
                Name = "sandbox-quick",
                Steps = 3,
                GoalsPerStep = 4,
                GroupSize = 4,
                WarmupSteps = 1,
                EvaluateEvery = 3,
                ValidationGoals = 12,
                TestGoals = 24,
            }),
        .. RunMethodPresets.All,
    ];

    /// <summary>The preset of a name; null when there is none.</summary>
    public static RunPreset? Find(string name) => All.FirstOrDefault(preset => string.Equals(preset.Name, name, StringComparison.Ordinal));

    /// <summary>Changes single fields of a specification.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="settings">"field=value", fields of groups with a dot, lists with commas: "steps=20", "data.domains=ml,medicine".</param>
    /// <param name="source">Where the specification came from, for the message.</param>
    /// <param name="knownDomains">Domains the library has; null when they are not known yet.</param>
    /// <returns>The changed specification, valid as a whole.</returns>
    /// <exception cref="RunSpecException">Names every fault.</exception>
    public static RunSpec Apply(RunSpec spec, IEnumerable<string> settings, string source, IReadOnlyCollection<string>? knownDomains = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(settings);
        var document = JsonSerializer.SerializeToNode(spec, RunSpec.JsonOptions)!.AsObject();
        var faults = new List<RunSpecFault>();
        foreach (var setting in settings)
        {
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                faults.Add(new RunSpecFault(setting, "needs the form field=value"));
            }
            else if (Set(document, setting[..equals].Trim(), setting[(equals + 1)..].Trim()) is { } fault)
            {
                faults.Add(fault);
            }
        }

        return RunSpecReader.Read(source, JsonSerializer.SerializeToUtf8Bytes(document, RunSpec.JsonOptions), hasLines: false, faults, knownDomains);
    }

    private static RunSpecFault? Set(JsonObject group, string path, string value)
    {
        var type = RunSpec.JsonOptions.GetTypeInfo(typeof(RunSpec));
        var names = path.Split('.');
        foreach (var (name, isLast) in names.Select((name, index) => (name, index == names.Length - 1)))
        {
            if (RunSpecReader.Field(type, name) is not { } field)
            {
                return new RunSpecFault(path, RunSpecReader.Unknown(type, name));
            }

            if (isLast)
            {
                if (RunSpecReader.IsGroup(field))
                {
                    return new RunSpecFault(path, "is a group: set one of its fields, with a dot");
                }

                group[field.Name] = ToJson(value, field.PropertyType);
                return null;
            }

            if (!RunSpecReader.IsGroup(field))
            {
                return new RunSpecFault(path, $"has no fields: {field.Name} is a single value");
            }

            group = group[field.Name]!.AsObject();
            type = RunSpec.JsonOptions.GetTypeInfo(field.PropertyType);
        }

        return null;
    }

    /// <summary>The value as JSON; what does not fit the type is left as text for the reader to name.</summary>
    private static JsonNode? ToJson(string value, Type type)
    {
        if (type == typeof(string) || type.IsEnum)
        {
            return JsonValue.Create(value);
        }

        if (type == typeof(List<double>))
        {
            return new JsonArray([.. Parts(value).Select(part => ToJson(part, typeof(double)))]);
        }

        if (type != typeof(int) && type != typeof(long) && type != typeof(double) && type != typeof(bool))
        {
            return new JsonArray([.. Parts(value).Select(part => (JsonNode?)JsonValue.Create(part))]);
        }

        try
        {
            return JsonText.ParseNode(value);
        }
        catch (JsonException)
        {
            return JsonValue.Create(value);
        }
    }

    private static string[] Parts(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
