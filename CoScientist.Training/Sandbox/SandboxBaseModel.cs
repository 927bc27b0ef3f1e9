using System.Globalization;
using CoScientist.Training.Checkpoints;

namespace CoScientist.Training.Sandbox;

/// <summary>The base model that comes with the software: where it lies, and the grading threshold it was calibrated to.</summary>
public static class SandboxBaseModel
{
    /// <summary>The file beside the weights that holds the report of the build.</summary>
    public const string ReportFile = "report.json";

    /// <summary>Entry of a checkpoint's manifest: P(ok) above which an item is met.</summary>
    public const string ThresholdKey = "grader_threshold";

    /// <summary>Folder of the shipped base model.</summary>
    public static string Directory => Path.Combine(AppContext.BaseDirectory, "Sandbox", "Base");

    /// <summary>An item is met when the grader's P(ok) exceeds this; 0.5 for a model without calibration.</summary>
    public static double GraderThreshold(string directory) =>
        CheckpointManifest.Read(directory)?.Origin.TryGetValue(ThresholdKey, out var threshold) == true
            ? double.Parse(threshold, CultureInfo.InvariantCulture)
            : 0.5;

    /// <summary>The threshold as it stands in a manifest.</summary>
    public static string Format(double threshold) => threshold.ToString("R", CultureInfo.InvariantCulture);
}
